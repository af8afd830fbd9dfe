import { ALGORITHM } from './keys.ts';
import { TokenRefused } from './token-refused.ts';

/** Longer than any token of ours; nothing longer is looked at. */
const TOKEN_BYTES = 4096;
const HEADER_MEMBERS = ['alg', 'typ', 'kid'];
/** As {@link https://www.rfc-editor.org/rfc/rfc7638 RFC 7638} thumbprints are written: nothing that a path or a query could be. */
const KEY_ID = /^[\w-]{1,64}$/;

/** A token taken apart. Nothing of it is proven: its signature has not been looked at. */
export interface UnprovenToken {
  kid: string;
  claims: Record<string, unknown>;
}

/**
 * Takes a compact JWS (RFC 7515 §7.1) apart, and refuses every one that two readers could read differently, or that
 * asks its reader to find a key or rules in it: base64url that is not the shortest form, text that is not UTF-8, members
 * named twice, members of the header beside `alg`, `typ` and `kid` (so no `jwk`, `jku`, `x5u`, `x5c`, `crit`).
 *
 * @throws TokenRefused
 */
export function readTokenText(token: string, type: string): UnprovenToken {
  if (token.length > TOKEN_BYTES) throw new TokenRefused('the token is too long');
  const parts = token.split('.');
  const [header, payload, signature] = parts.map(decodePart);
  if (parts.length !== 3 || !header || !payload || !signature) throw new TokenRefused('the token does not have three parts of base64url');
  const members = readObject(header, 'header');
  for (const name of Object.keys(members)) if (!HEADER_MEMBERS.includes(name)) throw new TokenRefused('the header has a member too many');
  const { alg, typ, kid } = members;
  if (alg !== ALGORITHM) throw new TokenRefused('the algorithm is another');
  if (typ !== type) throw new TokenRefused('the token is of another type');
  if (typeof kid !== 'string' || !KEY_ID.test(kid)) throw new TokenRefused('the key id is none');
  return { kid, claims: readObject(payload, 'payload') };
}

/** The bytes, if there are any, and this is the one way to write them: unused bits must be 0, or one signature could be written in many ways. */
function decodePart(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.length > 0 && bytes.toString('base64url') === part ? bytes : undefined;
}

function readObject(bytes: Buffer, where: string): Record<string, unknown> {
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw new TokenRefused(`the ${where} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TokenRefused(`the ${where} is not a JSON object`);
  if (namesTwice(text)) throw new TokenRefused(`the ${where} names a member twice`);
  return value as Record<string, unknown>;
}

/**
 * Whether an object anywhere in this text, which must be JSON, names a member twice: JSON.parse takes the last, others
 * the first (RFC 8725 §2.4 and RFC 8259 §4). Names are compared unescaped.
 */
export function namesTwice(json: string): boolean {
  /** The names so far of each object that is open; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const end = endOfString(json, at);
      // In JSON, a string before a colon is a name.
      if (isBeforeColon(json, end + 1)) {
        const names = open.at(-1);
        const name = JSON.parse(json.slice(at, end + 1)) as string;
        if (names?.has(name)) return true;
        names?.add(name);
      }
      at = end;
    }
  }
  return false;
}

function isBeforeColon(json: string, from: number): boolean {
  let at = from;
  while (json[at] === ' ' || json[at] === '\t' || json[at] === '\n' || json[at] === '\r') at++;
  return json[at] === ':';
}

/** The index of the quote that ends the string which begins at `from`. */
function endOfString(json: string, from: number): number {
  let at = from + 1;
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at;
}
