import Type from 'typebox';
import { expect, it } from 'vitest';
import { toStructuralSchema } from './structural-schema.ts';

it('keeps what both know, and gives constants a type', () => {
  const schema = Type.Object(
    {
      name: Type.String({ maxLength: 3, default: 'a' }),
      size: Type.Enum([1, 3]),
      mode: Type.Union([Type.Literal('on'), Type.Literal('off')]),
      labels: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 5 }), { maxProperties: 2 })),
    },
    { additionalProperties: false },
  );
  expect(toStructuralSchema(schema)).toEqual({
    type: 'object',
    required: ['size', 'mode'],
    properties: {
      name: { type: 'string', maxLength: 3, default: 'a' },
      size: { type: 'integer', enum: [1, 3] },
      mode: { type: 'string', enum: ['on', 'off'] },
      labels: { type: 'object', maxProperties: 2, additionalProperties: { type: 'string', maxLength: 5 } },
    },
  });
});

it('completes the default of a section, since the API tries its rules on it alone', () => {
  const schema = Type.Object({ log: Type.Object({ partitions: Type.Integer({ default: 8 }) }, { default: {} }) });
  expect(toStructuralSchema(schema)).toMatchObject({ properties: { log: { default: { partitions: 8 } } } });
});

it.each([
  ['a union of objects', Type.Object({ a: Type.Union([Type.Object({}), Type.Object({})]) }), /\.a is a union of more than constants/],
  ['constants of two types', Type.Object({ a: Type.Enum([1, 'x']) }), /values of \.a must be all strings or all integers/],
  [
    'a keyword without counterpart',
    Type.Object({ a: Type.Array(Type.String(), { uniqueItems: true }) }),
    /\.a has the keyword uniqueItems/,
  ],
  [
    'free fields beside named ones',
    Type.Object({}, { additionalProperties: Type.String() }),
    /the whole has the keyword additionalProperties/,
  ],
])('refuses %s', (_, schema, message) => {
  expect(() => toStructuralSchema(schema)).toThrow(message);
});
