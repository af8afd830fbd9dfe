import { expect, it } from 'vitest';
import { explainPasskeyError } from './passkeys.ts';

it('says what happened with a passkey in words for people', () => {
  expect(explainPasskeyError(new DOMException('x', 'NotAllowedError'))).toMatch(/cancelled, or took too long/);
  expect(explainPasskeyError(new DOMException('x', 'InvalidStateError'))).toMatch(/already/);
  expect(explainPasskeyError(new DOMException('x', 'SecurityError'))).toMatch(/address/);
  for (const other of [new TypeError('x'), 'x', undefined]) expect(explainPasskeyError(other)).toMatch(/another way/);
});
