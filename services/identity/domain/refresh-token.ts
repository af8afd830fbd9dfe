import { createHmac, timingSafeEqual } from 'node:crypto';

/** Which of a session's refresh tokens: they are numbered from 1, and the newest counts. */
export interface RefreshToken {
  session: string;
  generation: number;
}

/** A parallel request may come with the token that was just replaced: it gets the same successor, for so long, ms. */
const GRACE_MS = 10_000;

/** `<session>.<generation>.<mac>`; nothing of it but the seed is stored, and that alone makes no token. */
export function encodeRefreshToken(key: Buffer, { session, generation }: RefreshToken, seed: Buffer): string {
  return `${session}.${generation}.${authenticate(key, { session, generation }, seed).toString('base64url')}`;
}

/** Reads a token; whether it is genuine shows with the session's seed alone. Undefined when it is not of this form. */
export function parseRefreshToken(text: string): (RefreshToken & { mac: Buffer }) | undefined {
  const parts = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([1-9]\d{0,14})\.([\w-]{43})$/.exec(text);
  if (!parts) return undefined;
  const [session, generation, mac] = parts.slice(1) as [string, string, string];
  return { session, generation: Number(generation), mac: Buffer.from(mac, 'base64url') };
}

export function isGenuine(key: Buffer, token: RefreshToken & { mac: Buffer }, seed: Buffer): boolean {
  return timingSafeEqual(token.mac, authenticate(key, token, seed));
}

/**
 * What a genuine token is good for: `rotate`: it is the newest; `repeat`: it was replaced a moment ago, and its successor
 * is told again; `reuse`: it was replaced before that, so that two have it who should be one.
 *
 * @param rotatedAgo ms since the newest one replaced its predecessor.
 */
export function judgeRefresh(presented: number, newest: number, rotatedAgo: number): 'rotate' | 'repeat' | 'reuse' {
  if (presented === newest) return 'rotate';
  return presented === newest - 1 && rotatedAgo <= GRACE_MS ? 'repeat' : 'reuse';
}

function authenticate(key: Buffer, { session, generation }: RefreshToken, seed: Buffer): Buffer {
  return createHmac('sha256', key).update(`${session}.${generation}.`).update(seed).digest();
}
