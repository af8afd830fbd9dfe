import { expect, test } from 'vitest';
import { findBrokenSeeds } from './tool.ts';

const report = 'a.ts:1:1 rule-one\nb.ts:1:1 rule-two';

test('a reported word needs one line that names it and its file', () => {
  expect(findBrokenSeeds([{ file: 'a.ts', text: '', reported: ['rule-one'] }], report)).toEqual([]);
  expect(findBrokenSeeds([{ file: 'a.ts', text: '', reported: ['rule-one', 'rule-two'] }], report)).toEqual([
    'does not report "rule-two" of the seeded a.ts',
  ]);
  expect(findBrokenSeeds([{ file: 'a.ts', text: '', reported: ['rule-one'] }], '')).toHaveLength(1);
});

test('an allowed word may stand in no line that names its file', () => {
  expect(findBrokenSeeds([{ file: 'a.ts', text: '', allowed: ['rule-two'] }], report)).toEqual([]);
  expect(findBrokenSeeds([{ file: 'a.ts', text: '', allowed: ['rule-one'] }], report)).toEqual([
    'reports what is allowed in the seeded a.ts: a.ts:1:1 rule-one',
  ]);
});
