import { ApiError } from '@starling/client';
import { renderProblem } from '@starling/contracts/problems';
import { expect, it } from 'vitest';
import { explainClosed, explainVoidInvite, firstStep } from './entry-step.ts';

it('begins where a link leads, and with a word where it is not whole', () => {
  expect(firstStep(null)).toEqual({ at: 'log-in' });
  expect(firstStep({ page: 'reset', token: 'abc' })).toEqual({ at: 'reset', token: 'abc' });
  expect(firstStep({ page: 'invite', token: 'abc' })).toEqual({ at: 'sign-up' });
  expect(firstStep({ page: 'link' })).toEqual({ at: 'link' });
  const wanted = { challenge: 'abc', methods: ['totp' as const], expiresAt: 1 };
  expect(firstStep({ page: 'second-factor', wanted })).toEqual({ at: 'second-factor', wanted });
  for (const arrival of [
    { page: 'reset', token: null },
    { page: 'invite', token: null },
    { page: 'second-factor', wanted: null },
    { page: 'sign-on-refused' },
  ] as const) {
    expect(firstStep(arrival)).toEqual({ at: 'log-in', notice: expect.stringMatching(/\.$/) });
  }
});

it('says who cannot register, and why', () => {
  expect(explainClosed('open', undefined)).toBeUndefined();
  expect(explainClosed('invite', 'abc')).toBeUndefined();
  expect(explainClosed('invite', undefined)).toMatch(/invite/);
  expect(explainClosed('closed', 'abc')).toMatch(/Nobody/);
});

it('says of an invite that it is void, and leaves all else as it was said', () => {
  const refused = new ApiError(renderProblem('invite-required'));
  expect(() => explainVoidInvite(refused, 'abc')).toThrow(
    'This invite is used up, expired, revoked, or for another email address: ask for another.',
  );
  expect(() => explainVoidInvite(refused, undefined)).toThrow(refused);
  const closed = new ApiError(renderProblem('registration-closed'));
  expect(() => explainVoidInvite(closed, 'abc')).toThrow(closed);
});
