import { expect, it } from 'vitest';
import { readDigits, readRecoveryCode } from './typed-code.ts';

it('finds the six digits in what was pasted', () => {
  for (const text of ['012345', ' 012 345\n', '012-345', 'Your code is 012345.'])
    expect([text, readDigits(text)]).toEqual([text, '012345']);
  for (const text of ['', '12345', '1234567', 'abcdef', '012345 at 12:00']) expect([text, readDigits(text)]).toEqual([text, null]);
});

it('takes a recovery code as it was copied', () => {
  expect(readRecoveryCode(' abcde-F2345 \n')).toBe('abcde-F2345');
  expect(readRecoveryCode('abcde F2345')).toBe('abcdeF2345');
  for (const text of ['', 'abc', 'abcde_12345', 'x'.repeat(33)]) expect([text, readRecoveryCode(text)]).toEqual([text, null]);
});
