/** The level of the log's rules that this code knows. A reader that meets a higher one stops: it never skips. */
export const RULES_LEVEL = 1;

/** Headers as they lie in the log: text by name. Judging reads these and the key, never the value. */
export type Headers = Record<string, string>;

/** Kinds of facts about one participant; each carries the header `user`. */
export const PARTICIPANT_KINDS = ['participant.added', 'participant.changed', 'participant.removed'] as const;

interface CommonHeaders {
  /** The record's own id; an outbox row has the same. */
  id: string;
  kind: string;
  level: number;
}

/** What judging needs to know of a post. */
export interface PostHeaders extends CommonHeaders {
  kind: 'message.posted';
  author: string;
  client: string;
  /** The last offset of the partition that the appending pod had read when it allowed the post; −1: none. */
  asOf: number;
  /** Slow mode was in force. */
  slow: boolean;
  /** Names one append: pod and counter, so that a pod knows its own record when it reads it back. */
  attempt: string;
}

/** What judging needs to know of any other record: whom it is about, or that it changes who may post. */
export interface FactHeaders extends CommonHeaders {
  /** The user whom a participant fact is about. */
  user: string | undefined;
  /** The fact changes who may post in the conversation. */
  posting: boolean;
}

export type RecordHeaders = PostHeaders | FactHeaders;

export function isPost(headers: RecordHeaders): headers is PostHeaders {
  return headers.kind === 'message.posted';
}

/**
 * Whether a record follows newer rules than this code knows. To be asked before anything else of it is read: by those
 * rules all else may look otherwise. The reader must stop.
 */
export function followsNewerRules(headers: Headers): boolean {
  return Number(headers['level']) > RULES_LEVEL;
}

/**
 * Reads the headers that judging needs, of a record that does not follow newer rules. `undefined`: they are bad; such a
 * record is void and as if absent.
 */
export function parseHeaders(headers: Headers): RecordHeaders | undefined {
  const { id, kind } = headers;
  const level = integer(headers['level']);
  if (!id || !kind || level === undefined || level < 1) return undefined;
  if (kind === 'message.posted') {
    const { author, client, attempt } = headers;
    const asOf = integer(headers['asOf']);
    if (!author || !client || !attempt || asOf === undefined || asOf < -1) return undefined;
    return { id, kind, level, author, client, asOf, slow: headers['slow'] === '1', attempt };
  }
  const user = headers['user'];
  if (!user && (PARTICIPANT_KINDS as readonly string[]).includes(kind)) return undefined;
  return { id, kind, level, user, posting: headers['posting'] === '1' };
}

/** The headers of a post as they are written. */
export function encodePostHeaders(post: Omit<PostHeaders, 'kind' | 'level'>): Headers {
  const { id, author, client, asOf, slow, attempt } = post;
  const headers: Headers = { id, kind: 'message.posted', level: String(RULES_LEVEL), author, client, asOf: String(asOf), attempt };
  if (slow) headers['slow'] = '1';
  return headers;
}

/** The headers of a fact as they are written. `user`: required for participant facts. */
export function encodeFactHeaders(fact: { id: string; kind: string; user?: string; posting?: boolean }): Headers {
  const headers: Headers = { id: fact.id, kind: fact.kind, level: String(RULES_LEVEL) };
  if (fact.user !== undefined) headers['user'] = fact.user;
  if (fact.posting) headers['posting'] = '1';
  return headers;
}

function integer(text: string | undefined): number | undefined {
  if (text === undefined || !/^-?\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
