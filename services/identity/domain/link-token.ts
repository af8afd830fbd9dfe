import { createHmac, timingSafeEqual } from 'node:crypto';
import { isUuid } from '@starling/contracts/schema';

/**
 * The secret of a link: the id of its row, and an HMAC of 256 bits that says it was made here. It is stored nowhere: who
 * has the database, but not the key, cannot make it, and it can be made again to send the same link a second time.
 */
export function createLinkToken(key: Buffer, id: string): string {
  return `${id}.${macOf(key, id).toString('base64url')}`;
}

/** The id in a token that was made with this key; undefined for anything else. */
export function readLinkToken(key: Buffer, token: string): string | undefined {
  const [id = '', mac = '', ...more] = token.split('.');
  if (!isUuid(id) || more.length > 0 || !/^[\w-]{43}$/.test(mac)) return undefined;
  const given = Buffer.from(mac, 'base64url');
  // The last of the 43 characters has two bits that are not looked at: they must not make a second text of one token.
  return given.toString('base64url') === mac && timingSafeEqual(given, macOf(key, id)) ? id : undefined;
}

function macOf(key: Buffer, id: string): Buffer {
  return createHmac('sha256', key).update(id).digest();
}
