import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namesTwice } from './token-text.ts';

describe('a name that comes twice', () => {
  it('is found wherever it is, however it is written', () => {
    for (const json of [
      '{"a":1,"a":1}',
      '{"a":1,"b":2,"\\u0061":3}',
      '{"a" \n:1,\t"a"\r :1}',
      '{"x":{"a":1,"a":2}}',
      '{"x":[0,{"y":[{"a":1,"a":2}]}]}',
      '{"a":{"b":1},"c":[{}],"a":null}',
      '{"":1,"":2}',
      '{"__proto__":1,"__proto__":2}',
      '{"a\\"":1,"a\\"":2}',
      '{"\\\\":1,"\\\\":2}',
    ])
      expect([json, namesTwice(json)]).toEqual([json, true]);
  });

  it('is none where the same text stands for something else', () => {
    for (const json of [
      '{"a":"a","b":"a"}',
      '{"a":"\\"a\\":1","b":"{\\"a\\":1,\\"a\\":2}"}',
      '{"a":{"a":{"a":1}}}',
      '[{"a":1},{"a":1}]',
      '{"a":["a","a"],"b":["a"]}',
      '{"a":1,"A":1,"a ":1}',
      '"a"',
      '{}',
    ])
      expect([json, namesTwice(json)]).toEqual([json, false]);
  });

  it('is found in any JSON into which one is put, and in no other', () => {
    const spaces = fc.constantFrom('', ' ', '\n', '\t \r');
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 4 }),
        fc.string(),
        fc.string(),
        fc.integer({ min: 0, max: 4 }),
        spaces,
        (value, name, other, depth, space) => {
          let inner = JSON.stringify(value);
          expect(namesTwice(JSON.stringify(value, undefined, space))).toBe(false);
          const names = [JSON.stringify(name), JSON.stringify(name === other ? `${other}.` : other)];
          inner = `{${names[0]}${space}:${inner},${space}${names[1]}:1,${escapeAll(name)}${space}:2}`;
          for (let level = 0; level < depth; level++) inner = level % 2 ? `[${space}${inner}]` : `{"x":${inner}}`;
          JSON.parse(inner);
          expect(namesTwice(inner)).toBe(true);
        },
      ),
    );
  });
});

function escapeAll(name: string): string {
  return `"${Array.from({ length: name.length }, (_, index) => `\\u${name.charCodeAt(index).toString(16).padStart(4, '0')}`).join('')}"`;
}
