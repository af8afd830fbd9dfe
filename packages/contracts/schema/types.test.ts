import type { TSchema } from 'typebox';
import Format from 'typebox/format';
import Value from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { FORMATS } from './formats.ts';
import { ClientId, CursorSchema, DisplayName, Handle, MessageBody, PositionSchema, Revision, Timestamp, Uuid } from './types.ts';

for (const [name, check] of Object.entries(FORMATS)) Format.Set(name, check);

function takes(schema: TSchema, value: unknown): boolean {
  return Value.Check(schema, value);
}

describe('the schemas', () => {
  it('name formats that there are, and bounds beside them', () => {
    expect(takes(Uuid, 'f47ac10b-58cc-4372-a567-0e02b2c3d479')).toBe(true);
    expect(takes(ClientId, 'f47ac10b-58cc-4372-a567-0e02b2c3d479')).toBe(false);
    expect(takes(MessageBody, 'x'.repeat(40_001))).toBe(false);
    expect(takes(DisplayName, 'x'.repeat(80))).toBe(true);
    expect(takes(DisplayName, 'x'.repeat(81))).toBe(false);
    expect(takes(Handle, 'x'.repeat(33))).toBe(false);
  });

  it('take whole numbers that JavaScript holds exactly', () => {
    for (const [schema, low] of [
      [PositionSchema, 0],
      [Timestamp, 0],
      [Revision, 1],
    ] as const) {
      expect([low, Number.MAX_SAFE_INTEGER].map((value) => takes(schema, value))).toEqual([true, true]);
      for (const bad of [low - 1, 1.5, Number.MAX_SAFE_INTEGER + 1, '1', null]) expect(takes(schema, bad)).toBe(false);
    }
  });

  it('take a cursor of every topic and nothing else', () => {
    const cursor = { epoch: 1, conversations: [0, 7], receipts: [2 ** 43], users: [1] };
    expect(takes(CursorSchema, cursor)).toBe(true);
    const { users: _users, ...without } = cursor;
    const wrong = [
      without,
      { ...cursor, other: [1] },
      { ...cursor, users: [] },
      { ...cursor, users: [-1] },
      { ...cursor, users: [0.5] },
      { ...cursor, epoch: 1024 },
    ];
    for (const bad of [...wrong, { ...cursor, users: [2 ** 43 + 1] }, { ...cursor, users: new Array(1025).fill(0) }])
      expect(takes(CursorSchema, bad)).toBe(false);
  });
});
