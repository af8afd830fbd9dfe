import type { ClientContext } from './client-context.ts';

/** A session that was begun. `session` and `device` are secrets. */
export interface Begun {
  session: string;
  user: string;
  device: string;
}

/** `challenge` is a secret, good for one log-in until `expiresAt` (ms). */
export interface SecondFactorWanted {
  challenge: string;
  methods: string[];
  expiresAt: number;
}

/** What accounts may have beside password or sign-on. */
export interface SecondFactors {
  /** What the account takes as second factor; empty: it has none, and none is asked for. */
  methodsOf(user: string): Promise<string[]>;
  /** A challenge for one log-in. */
  begin(user: string, proof?: string): Promise<SecondFactorWanted>;
  /** Returns whose log-in is complete. Throws refuse('wrong-code' | 'code-expired' | 'rate-limited'). */
  complete(answer: { challenge: string; method: string; code: string; client: ClientContext | undefined }): Promise<string>;
  /** Whether the code is good now; a good one is used up. Throws refuse('rate-limited'). */
  checkCode(user: string, code: string, client: ClientContext | undefined): Promise<boolean>;
}

export type LogInResult = { case: 'begun'; value: Begun } | { case: 'secondFactor'; value: SecondFactorWanted };

/** `proof`: of a log-in by password, the hash that it was checked against. */
export type AfterFirstFactor = (user: string, client: ClientContext | undefined, proof?: string) => Promise<LogInResult>;

/** What follows a password or a sign-on that was right: a session, or the second factor if the account has one. */
export function createAfterFirstFactor(ports: {
  sessions: { begin(user: string, client: ClientContext | undefined, proof?: string): Promise<Begun> };
  secondFactors: Pick<SecondFactors, 'methodsOf' | 'begin'>;
}): AfterFirstFactor {
  const { sessions, secondFactors } = ports;
  return async (user, client, proof) => {
    if ((await secondFactors.methodsOf(user)).length > 0) return { case: 'secondFactor', value: await secondFactors.begin(user, proof) };
    return { case: 'begun', value: await sessions.begin(user, client, proof) };
  };
}
