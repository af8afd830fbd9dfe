/** One place where a guess at a password or code is counted: so many at once, and one more every `refillSeconds`. */
export interface GuessBucket {
  key: string;
  capacity: number;
  refillSeconds: number;
}

export type CodeMethod = 'totp' | 'recovery-code';

/**
 * Where a stranger's guess at the password of an account is counted, in this order; the first that is empty refuses it:
 * by account and address, so that one address cannot use up what all have together at an account; by address; by
 * account. An address that is not known ('') counts for nothing.
 */
export function bucketsOfStranger({ email, address }: { email: string; address: string }): GuessBucket[] {
  const ofAccount = { key: `password of ${email}`, capacity: 20, refillSeconds: 60 };
  if (address === '') return [ofAccount];
  return [
    { key: `password of ${email} by ${address}`, capacity: 5, refillSeconds: 120 },
    { key: `password by ${address}`, capacity: 30, refillSeconds: 10 },
    ofAccount,
  ];
}

/**
 * Where a guess is counted by a device that has logged in to the account before, or by who is logged in to it: in a
 * bucket of its own, and nowhere else. Whatever strangers do, the owner of the account can log in.
 */
export function bucketsOfKnown({ user, by }: { user: string; by: string }): GuessBucket[] {
  return [{ key: `password of ${user} known by ${by}`, capacity: 10, refillSeconds: 60 }];
}

/**
 * Where a try of a second factor is counted, over all challenges of the account: at a known device (`by`) by itself, so
 * that whoever has only the password locks the owner out nowhere but at devices that are new. Six digits of which three
 * are good at a time stand 144 tries a day for years, and 24 more of each device, of which there are few. Recovery codes
 * are long, and have tries of their own, so that guessing at digits locks nobody out of them.
 */
export function bucketOfCode({ method, user, by }: { method: CodeMethod; user: string; by: string | undefined }): GuessBucket {
  if (by === undefined) return { key: `${method}:${user}`, capacity: 10, refillSeconds: method === 'totp' ? 600 : 60 };
  return { key: `${method}:${user} known by ${by}`, capacity: 10, refillSeconds: method === 'totp' ? 3600 : 60 };
}
