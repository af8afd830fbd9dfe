import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PARTICIPANT_KINDS, type PostHeaders, type RecordHeaders } from './headers.ts';
import { PartitionWindow, WINDOW } from './window.ts';

interface Entry {
  key: string;
  headers: RecordHeaders | undefined;
}

function post(given: Partial<PostHeaders> & { asOf: number }): PostHeaders {
  return { id: 'i', kind: 'message.posted', level: 1, author: 'ann', client: 'c1', slow: false, attempt: 'pod.1', ...given };
}

function fact(kind: string, user?: string, posting = false): RecordHeaders {
  return { id: 'i', kind, level: 1, user, posting };
}

/** Rule 12, word for word, over all records: slow and simple, to hold the window against. */
function isValid(log: Entry[], offset: number): boolean {
  const record = log[offset];
  const headers = record?.headers;
  if (!record || !headers || headers.kind !== 'message.posted') return false;
  const judged = headers as PostHeaders;
  if (judged.asOf >= offset || offset - judged.asOf > WINDOW) return false;
  return log.slice(judged.asOf + 1, offset).every((between) => {
    if (between.key !== record.key || !between.headers) return true;
    if (between.headers.kind === 'message.posted') {
      const other = between.headers as PostHeaders;
      if (other.author !== judged.author) return true;
      return other.client !== judged.client && !judged.slow;
    }
    const other = between.headers as Exclude<RecordHeaders, PostHeaders>;
    const participants = (PARTICIPANT_KINDS as readonly string[]).includes(other.kind);
    return !other.posting && !(participants && other.user === judged.author);
  });
}

const authors = fc.constantFrom('ann', 'bob');
const entries: fc.Arbitrary<Entry[]> = fc
  .array(
    fc.record({
      key: fc.constantFrom('one', 'two'),
      headers: fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({
            author: authors,
            client: fc.constantFrom('c1', 'c2', 'c3'),
            back: fc.integer({ min: -1, max: 12 }),
            slow: fc.boolean(),
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            fact: fc.constantFrom('participant.added', 'participant.removed', 'conversation.updated'),
            user: authors,
            posting: fc.boolean(),
          }),
        },
        { weight: 1, arbitrary: fc.constant(undefined) },
      ),
    }),
    { maxLength: 60 },
  )
  .map((list) =>
    list.map(({ key, headers }, offset): Entry => {
      if (!headers) return { key, headers: undefined };
      if ('fact' in headers) return { key, headers: fact(headers.fact, headers.user, headers.posting) };
      const { author, client, back, slow } = headers;
      return { key, headers: post({ author, client, slow, asOf: Math.max(-1, offset - back) }) };
    }),
  );

function verdicts(log: Entry[], from = 0): string[] {
  const window = new PartitionWindow(from);
  return log.slice(from).map(({ key, headers }, index) => window.push(from + index, key, headers).is);
}

describe('the window', () => {
  it('judges each post as the rule says', () => {
    fc.assert(
      fc.property(entries, (log) => {
        verdicts(log).forEach((verdict, offset) => {
          if (log[offset]?.headers?.kind === 'message.posted') expect(verdict).toBe(isValid(log, offset) ? 'valid' : 'void');
          else expect(verdict).toBe(log[offset]?.headers ? 'fact' : 'absent');
        });
      }),
    );
  });

  it('lets a reader who starts later come to the same verdicts, or to none', () => {
    fc.assert(
      fc.property(entries, fc.nat(60), (log, start) => {
        const from = Math.min(start, log.length);
        const all = verdicts(log);
        verdicts(log, from).forEach((verdict, index) => {
          if (verdict !== 'unjudged') expect(verdict).toBe(all[from + index]);
        });
      }),
    );
  });

  it('counts one post of an identity at most, unless the appender had read the first', () => {
    const window = new PartitionWindow(0);
    expect(window.push(0, 'one', post({ asOf: -1 })).is).toBe('valid');
    expect(window.push(1, 'one', post({ asOf: -1 }))).toEqual({ is: 'void', reason: 'duplicate' });
    expect(window.push(2, 'one', post({ asOf: -1, author: 'bob' })).is).toBe('valid');
    expect(window.push(3, 'two', post({ asOf: -1 })).is).toBe('valid');
    expect(window.findPost('one', 'ann', 'c1')).toBe(0);
    expect(window.findPost('one', 'bob', 'c1')).toBe(2);
    expect(window.findPost('two', 'bob', 'c1')).toBeUndefined();
  });

  it('makes a post void that was allowed before its author was removed', () => {
    const window = new PartitionWindow(0);
    window.push(0, 'one', fact('participant.removed', 'ann'));
    expect(window.push(1, 'one', post({ asOf: -1 }))).toEqual({ is: 'void', reason: 'participant-changed' });
    expect(window.push(2, 'one', post({ asOf: -1, author: 'bob' })).is).toBe('valid');
  });

  it('holds no more than its records, and refuses an asOf from before them', () => {
    const window = new PartitionWindow(0);
    window.push(0, 'one', post({ asOf: -1 }));
    for (let offset = 1; offset <= WINDOW; offset++) window.push(offset, 'two', fact('conversation.updated'));
    expect(window.start).toBe(1);
    expect(window.findPost('one', 'ann', 'c1')).toBeUndefined();
    expect(window.push(WINDOW + 1, 'one', post({ asOf: 0 }))).toEqual({ is: 'void', reason: 'as-of-too-old' });
  });

  it('takes a post with a bad value for no answer, and its identity for used', () => {
    const window = new PartitionWindow(0);
    window.push(0, 'one', post({ asOf: -1 }));
    window.reject(0);
    expect(window.findPost('one', 'ann', 'c1')).toBeUndefined();
    expect(window.push(1, 'one', post({ asOf: -1 })).is).toBe('void');
  });

  it('does not take a record out of sequence', () => {
    const window = new PartitionWindow(5);
    expect(() => window.push(6, 'one', undefined)).toThrow(RangeError);
  });
});
