import { ApiError, NetworkError } from '@starling/client';
import { renderProblem } from '@starling/contracts/problems';
import { describe, expect, it } from 'vitest';
import { readErrors } from './form-errors.ts';

const expected = { email: 'Enter an email address.', password: 'Use 10 to 128 characters.' };

describe('readErrors', () => {
  it('says beside a field what is expected in it', () => {
    const errors = [{ pointer: '/body/password', detail: 'must NOT have fewer than 10 characters' }];
    expect(readErrors(new ApiError(renderProblem('invalid-request', { errors })), expected)).toEqual({
      fields: { password: 'Use 10 to 128 characters.' },
      form: null,
    });
    expect(readErrors(new ApiError(renderProblem('account-exists')), expected)).toEqual({
      fields: { email: 'There is an account with this email already.' },
      form: null,
    });
  });

  it('knows which field a code or the password of a known account stands in', () => {
    const code = { code: 'Enter the six digits.' };
    expect(readErrors(new ApiError(renderProblem('wrong-code')), code)).toEqual({ fields: { code: 'The code is wrong.' }, form: null });
    expect(readErrors(new ApiError(renderProblem('wrong-credentials')), { current: 'Enter your password.' })).toEqual({
      fields: { current: 'The password is wrong.' },
      form: null,
    });
  });

  it('says how long to wait', () => {
    const problem = renderProblem('rate-limited', { retryAfter: 150 });
    expect(readErrors(new ApiError(problem), expected).form).toBe('Too many requests. Try again in 3 minutes.');
    expect(readErrors(new ApiError(renderProblem('rate-limited')), expected).form).toBe('Too many requests.');
  });

  it('says of the form what is about no field of it', () => {
    const errors = [{ pointer: '/body/participants/0', detail: 'is not a user' }];
    expect(readErrors(new ApiError(renderProblem('invalid-request', { errors })), expected).form).toBe('Is not a user.');
    expect(readErrors(new ApiError(renderProblem('wrong-credentials')), expected).form).toBe('Email or password is wrong.');
    expect(readErrors(new NetworkError('The server cannot be reached.'), expected).form).toBe('The server cannot be reached.');
  });
});
