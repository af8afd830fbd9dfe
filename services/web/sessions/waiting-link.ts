import type { LinkWanted } from '@starling/contracts/rpc';

/** A sign-on that waits for the password of the account with the same email, as the browser's cookie keeps it. */
export type WaitingLink = Pick<LinkWanted, 'link' | 'email' | 'provider'>;

export function encodeLink({ link, email, provider }: WaitingLink): string {
  return Buffer.from(JSON.stringify([link, email, provider])).toString('base64url');
}

/** Undefined for what we never wrote. */
export function decodeLink(cookie: string): WaitingLink | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cookie, 'base64url').toString());
    if (!Array.isArray(parsed) || parsed.length !== 3 || !parsed.every((part) => typeof part === 'string')) return undefined;
    const [link, email, provider] = parsed as [string, string, string];
    return { link, email, provider };
  } catch {
    return undefined;
  }
}
