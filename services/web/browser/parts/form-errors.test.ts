import { ApiError, NetworkError } from '@starling/client';
import { renderProblem } from '@starling/contracts/problems';
import { describe, expect, it } from 'vitest';
import { readErrors } from './form-errors.ts';

describe('readErrors', () => {
  it('puts what is wrong with a field beside it', () => {
    const errors = [{ pointer: '/password', detail: 'must have at least 10 characters' }];
    expect(readErrors(new ApiError(renderProblem('invalid-request', { errors })), ['email', 'password'])).toEqual({
      fields: { password: 'Must have at least 10 characters.' },
      form: null,
    });
    expect(readErrors(new ApiError(renderProblem('account-exists')), ['email'])).toEqual({
      fields: { email: 'There is an account with this email already.' },
      form: null,
    });
  });

  it('says of the form what is about no field of it', () => {
    const errors = [{ pointer: '/participants/0', detail: 'is not a user' }];
    expect(readErrors(new ApiError(renderProblem('invalid-request', { errors })), ['name']).form).toBe('Is not a user.');
    expect(readErrors(new ApiError(renderProblem('wrong-credentials')), ['email', 'password']).form).toBe('Email or password is wrong.');
    expect(readErrors(new NetworkError('The server cannot be reached.'), ['email']).form).toBe('The server cannot be reached.');
  });
});
