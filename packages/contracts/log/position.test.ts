import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareCursor } from './cursor.ts';
import { encodeFactHeaders, encodePostHeaders, followsNewerRules, parseHeaders } from './headers.ts';
import { partitionOf } from './partition.ts';
import { epochOf, offsetOf, parsePosition, positionOf } from './position.ts';

describe('a position', () => {
  it('holds epoch and offset, as a safe integer that sorts by both', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1023 }),
        fc.maxSafeNat().map((value) => value % 2 ** 43),
        (epoch, offset) => {
          const position = positionOf(epoch, offset);
          expect(Number.isSafeInteger(position)).toBe(true);
          expect([epochOf(position), offsetOf(position)]).toEqual([epoch, offset]);
          expect(parsePosition(String(position))).toBe(position);
        },
      ),
    );
  });

  it('refuses what does not fit', () => {
    for (const [epoch, offset] of [
      [1024, 0],
      [-1, 0],
      [0, -1],
      [0, 2 ** 43],
      [0.5, 0],
    ] as const)
      expect(() => positionOf(epoch, offset)).toThrow(RangeError);
    for (const text of ['', '-1', '1e3', '9007199254740993', 'x']) expect(() => parsePosition(text)).toThrow(RangeError);
  });
});

describe('the partition of a key', () => {
  it('is FNV-1a of its bytes', () => {
    // Test vectors of the FNV reference: 32-bit FNV-1a of "", "a", "foobar".
    expect([partitionOf('', 2 ** 32), partitionOf('a', 2 ** 32), partitionOf('foobar', 2 ** 32)]).toEqual([
      0x811c9dc5, 0xe40c292c, 0xbf9cf968,
    ]);
  });
});

describe('a cursor', () => {
  const end = { epoch: 1, conversations: [5, 5], receipts: [0], users: [3] };
  it('is within, ahead, or of another log', () => {
    expect(compareCursor({ ...end, conversations: [0, 5] }, end)).toBe('within');
    expect(compareCursor({ ...end, users: [4] }, end)).toBe('ahead');
    expect(compareCursor({ ...end, epoch: 2 }, end)).toBe('foreign');
    expect(compareCursor({ ...end, conversations: [5] }, end)).toBe('foreign');
  });
});

describe('headers', () => {
  it('come back as they were written', () => {
    const post = { id: 'i', author: 'a', client: 'c', asOf: -1, slow: true, attempt: 'p.1' };
    expect(parseHeaders(encodePostHeaders(post))).toEqual({ ...post, kind: 'message.posted', level: 1 });
    const fact = { id: 'i', kind: 'participant.added', user: 'u', posting: true };
    expect(parseHeaders(encodeFactHeaders(fact))).toEqual({ ...fact, level: 1 });
  });

  it('are bad when something that judging needs is missing or no number', () => {
    const good = encodePostHeaders({ id: 'i', author: 'a', client: 'c', asOf: 3, slow: false, attempt: 'p.1' });
    for (const name of ['id', 'kind', 'level', 'author', 'client', 'asOf', 'attempt'])
      expect(parseHeaders({ ...good, [name]: '' })).toBeUndefined();
    expect(parseHeaders({ ...good, asOf: '-2' })).toBeUndefined();
    expect(parseHeaders({ ...good, asOf: '1.5' })).toBeUndefined();
    expect(parseHeaders({ id: 'i', kind: 'participant.removed', level: '1' })).toBeUndefined();
  });

  it('tell newer rules by their level alone, whatever else they lack', () => {
    for (const headers of [{ level: '2' }, { level: '2', kind: 'message.posted', id: 'i' }, { level: '2.0' }])
      expect(followsNewerRules(headers)).toBe(true);
    for (const headers of [{}, { level: '1' }, { level: '' }, { level: 'x' }]) expect(followsNewerRules(headers)).toBe(false);
  });
});
