import { isPost, PARTICIPANT_KINDS, type PostHeaders, type RecordHeaders } from './headers.ts';

/** How many records back a post may refer by `asOf`, and how many a reader must hold to judge. */
export const WINDOW = 16_384;

/** Why a post does not count. */
export type VoidReason = 'as-of-ahead' | 'as-of-too-old' | 'participant-changed' | 'posting-changed' | 'duplicate' | 'slow-mode';

/**
 * What a reader makes of a record: `fact` (anything but a post), `absent` (bad headers), a post that is `valid` or
 * `void`, or `unjudged`: the reader has not read all that lies behind that post's `asOf`, so it must not act on it.
 */
export type Verdict = { is: 'fact' } | { is: 'absent' } | { is: 'valid' } | { is: 'void'; reason: VoidReason } | { is: 'unjudged' };

interface Entry {
  offset: number;
  key: string;
  headers: RecordHeaders | undefined;
  valid: boolean;
  /** The neighbours under the same key; linked both ways so that an entry that falls out of the window is freed. */
  older: Entry | undefined;
  newer: Entry | undefined;
}

const FACT: Verdict = { is: 'fact' };
const ABSENT: Verdict = { is: 'absent' };
const VALID: Verdict = { is: 'valid' };
const UNJUDGED: Verdict = { is: 'unjudged' };

/**
 * Key and headers of the last {@link WINDOW} records of one partition, and the judgement of posts that follows from
 * them and from nothing else. Since every reader holds the same records before an offset, all readers agree on it.
 * Costs O(1) a record plus the records of the same key in (asOf, offset).
 */
export class PartitionWindow {
  /** The offset from which on this reader has read every record. */
  readonly readFrom: number;
  #next: number;
  #slots: (Entry | undefined)[] = new Array(WINDOW);
  #newest = new Map<string, Entry>();
  #valid = new Map<string, number>();

  /** @param readFrom the first offset that will be pushed. */
  constructor(readFrom: number) {
    this.readFrom = readFrom;
    this.#next = readFrom;
  }

  /** The offset that the next pushed record must have. */
  get next(): number {
    return this.#next;
  }

  /** The oldest offset that the window still holds, or would hold. */
  get start(): number {
    return Math.max(this.readFrom, this.#next - WINDOW);
  }

  /** Takes the record at `offset` in and judges it. Throws on an offset out of sequence: a hole is the caller's to mend. */
  push(offset: number, key: string, headers: RecordHeaders | undefined): Verdict {
    if (offset !== this.#next) throw new RangeError(`offset ${offset} does not follow ${this.#next - 1}`);
    this.#next = offset + 1;
    const slot = offset % WINDOW;
    const evicted = this.#slots[slot];
    if (evicted) this.#evict(evicted);
    if (!headers) {
      this.#slots[slot] = undefined;
      return ABSENT;
    }
    const older = this.#newest.get(key);
    const verdict = isPost(headers) ? this.#judge(offset, older, headers) : FACT;
    const entry: Entry = { offset, key, headers, valid: verdict.is === 'valid', older, newer: undefined };
    if (older) older.newer = entry;
    this.#newest.set(key, entry);
    this.#slots[slot] = entry;
    if (isPost(headers) && entry.valid) this.#valid.set(identity(key, headers.author, headers.client), offset);
    return verdict;
  }

  /** The offset of the valid post with this identity, if the window holds it. */
  findPost(conversation: string, author: string, client: string): number | undefined {
    return this.#valid.get(identity(conversation, author, client));
  }

  /**
   * Whether a valid post with these headers is known not to be valid after all because its value is bad. Its identity
   * goes on counting for the judgement of others, but it is no answer to a retry.
   */
  reject(offset: number): void {
    const entry = this.#slots[offset % WINDOW];
    if (entry?.offset !== offset || !entry.headers || !isPost(entry.headers)) return;
    entry.valid = false;
    this.#forget(entry, entry.headers);
  }

  #judge(offset: number, newestOfKey: Entry | undefined, post: PostHeaders): Verdict {
    const { asOf } = post;
    if (asOf >= offset) return { is: 'void', reason: 'as-of-ahead' };
    if (offset - asOf > WINDOW) return { is: 'void', reason: 'as-of-too-old' };
    if (asOf + 1 < this.readFrom) return UNJUDGED;
    for (let entry = newestOfKey; entry && entry.offset > asOf; entry = entry.older) {
      const reason = entry.headers && conflict(post, entry.headers);
      if (reason) return { is: 'void', reason };
    }
    return VALID;
  }

  #evict(entry: Entry): void {
    if (entry.newer) entry.newer.older = undefined;
    else this.#newest.delete(entry.key);
    if (entry.headers && isPost(entry.headers)) this.#forget(entry, entry.headers);
  }

  #forget(entry: Entry, post: PostHeaders): void {
    const name = identity(entry.key, post.author, post.client);
    if (this.#valid.get(name) === entry.offset) this.#valid.delete(name);
  }
}

/** Why `between`, a record of the same key in (asOf, offset), makes `post` void. Posts count whether void or not. */
function conflict(post: PostHeaders, between: RecordHeaders): VoidReason | undefined {
  if (isPost(between)) {
    if (between.author !== post.author) return undefined;
    if (between.client === post.client) return 'duplicate';
    return post.slow ? 'slow-mode' : undefined;
  }
  if (between.posting) return 'posting-changed';
  return between.user === post.author && (PARTICIPANT_KINDS as readonly string[]).includes(between.kind)
    ? 'participant-changed'
    : undefined;
}

/** The identity of a post is (conversation, author, client id): someone else's id neither shadows nor reveals a message. */
function identity(conversation: string, author: string, client: string): string {
  return `${conversation} ${author} ${client}`;
}
