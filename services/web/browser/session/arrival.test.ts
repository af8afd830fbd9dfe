import { expect, it } from 'vitest';
import { readArrival } from './arrival.ts';

function arriveAt(address: string) {
  return readArrival(new URL(address, 'https://chat.example.org'));
}

it('reads what links from outside lead to', () => {
  expect(arriveAt('/reset#a.b-c_d~1')).toEqual({ page: 'reset', token: 'a.b-c_d~1' });
  expect(arriveAt('/invite#secret')).toEqual({ page: 'invite', token: 'secret' });
  expect(arriveAt('/link')).toEqual({ page: 'link' });
  expect(arriveAt('/?sign-on=refused')).toEqual({ page: 'sign-on-refused' });
  expect(arriveAt('/second-factor#challenge=abc&methods=totp%2Crecovery-code&expiresAt=5')).toEqual({
    page: 'second-factor',
    wanted: { challenge: 'abc', methods: ['totp', 'recovery-code'], expiresAt: 5 },
  });
});

it('has no secret where it is not whole, and passes over methods that it does not know', () => {
  for (const fragment of ['', '#', '#with%20space', `#${'x'.repeat(513)}`]) {
    expect([fragment, arriveAt(`/reset${fragment}`)]).toEqual([fragment, { page: 'reset', token: null }]);
  }
  for (const fragment of ['', '#challenge=abc', '#methods=totp', '#challenge=a%20b&methods=totp', '#challenge=abc&methods=sms']) {
    expect([fragment, arriveAt(`/second-factor${fragment}`)]).toEqual([fragment, { page: 'second-factor', wanted: null }]);
  }
  expect(arriveAt('/second-factor#challenge=abc&methods=sms,passkey&expiresAt=5')).toMatchObject({ wanted: { methods: ['passkey'] } });
});

it('takes every other address as a place within', () => {
  for (const path of ['/', '/#reset', '/c/1', '/reset/x', '/Reset#abc', '/?sign-on=other', '/c/1?sign-on=refused']) {
    expect([path, arriveAt(path)]).toEqual([path, null]);
  }
});
