import { partitionOf, positionOf } from '@starling/contracts/log';
import { waitFor } from '@starling/testing/wait-for';
import { v4, v7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BehindError } from '../resume/members.ts';
import type { Post } from './sender.ts';
import { openTestPod, type TestPod, userOf } from './test-pod.ts';

let pod: TestPod;
const ann = userOf(v4());
beforeEach(async () => {
  pod = await openTestPod();
});
afterEach(() => pod.close());

const createPost = (given: Partial<Post> = {}): Post => ({
  conversation: v4(),
  client: v7({ msecs: pod.clock.now() }),
  body: 'hi',
  ...given,
});
const refused = (name: string) => ({ is: 'refused', problem: expect.objectContaining({ type: `urn:starling:problem:${name}` }) });
const ok = (offset: number) => ({ is: 'ok', position: positionOf(1, offset), at: expect.any(Number) });
const endOf = async (conversation: string) => (await pod.log.endOffsets('conversations'))[partitionOf(conversation, 2)] ?? -1;

describe('a send', () => {
  it('is answered with the place at which its own pod reads it', async () => {
    const post = createPost();
    expect(await pod.sender.send(ann, post)).toEqual(ok(0));
    expect(await pod.sender.send(ann, createPost({ conversation: post.conversation }))).toEqual(ok(1));
  });

  it('of one identity is one post, at once and later, and also on another pod', async () => {
    const post = createPost();
    const together = await Promise.all(Array.from({ length: 10 }, () => pod.sender.send(ann, post)));
    expect(together).toEqual(together.map(() => ok(0)));
    expect(await pod.sender.send(ann, post)).toEqual(ok(0));
    const other = await pod.startPod('pod-1');
    expect(await other.sender.send(ann, post)).toEqual(ok(0));
    expect(await endOf(post.conversation)).toBe(1);
    // The client id of someone else neither shadows nor reveals it.
    expect(await pod.sender.send(userOf(v4()), post)).toEqual(ok(1));
    expect(await pod.sender.send(ann, { ...post, conversation: v4() })).toMatchObject({ is: 'ok' });
  });

  it('on two pods at the same time is one post', async () => {
    const other = await pod.startPod('pod-1');
    for (let round = 0; round < 10; round++) {
      const post = createPost();
      const [one, two] = await Promise.all([pod.sender.send(ann, post), other.sender.send(ann, post)]);
      expect(one.is).toBe('ok');
      expect(two).toEqual(one);
    }
  });

  it("is refused without a trace in the log while the pod's clock is off, and taken when it is right again", async () => {
    pod.answers.clockIsOff = () => true;
    const post = createPost();
    expect(await pod.sender.send(ann, post)).toEqual(refused('unavailable'));
    expect(await endOf(post.conversation)).toBe(0);
    pod.answers.clockIsOff = () => false;
    expect(await pod.sender.send(ann, post)).toEqual(ok(0));
  });

  it('is refused without a trace in the log when its author may not post', async () => {
    pod.answers.allows = () => false;
    const post = createPost();
    expect(await pod.sender.send(ann, post)).toEqual(refused('not-found'));
    expect(await endOf(post.conversation)).toBe(0);
  });

  it('is refused when its id is more than 60 s ahead', async () => {
    expect(await pod.sender.send(ann, createPost({ client: v7({ msecs: pod.clock.now() + 60_001 }) }))).toEqual(refused('clock-ahead'));
    expect(await pod.sender.send(ann, createPost({ client: v7({ msecs: pod.clock.now() + 60_000 }) }))).toEqual(ok(0));
  });

  it('asks first about an author who is not known here, and is refused for now when that fails', async () => {
    const post = createPost();
    const known = new Set<string>();
    pod.answers.allows = (_conversation, user) => (known.has(user) ? true : undefined);
    pod.answers.prepare = async () => Promise.reject(new BehindError('the projection is behind'));
    expect(await pod.sender.send(ann, post)).toEqual(refused('behind'));
    pod.answers.prepare = async () => Promise.reject(new Error('away'));
    expect(await pod.sender.send(ann, post)).toEqual(refused('unavailable'));
    pod.answers.prepare = async (_conversation, user) => void known.add(user);
    expect(await pod.sender.send(ann, post)).toEqual(ok(0));
  });

  it('waits for what its sender has seen, and is behind after 2 s', async () => {
    const seen = { conversation: v4(), position: positionOf(1, 0) };
    const begun = performance.now();
    expect(await pod.sender.send(ann, createPost({ after: seen }))).toEqual(refused('behind'));
    expect(performance.now() - begun).toBeGreaterThan(1_900);
    const waiting = pod.sender.send(ann, createPost({ after: seen }));
    await pod.appendFact(seen.conversation, 'conversation.updated');
    expect((await waiting).is).toBe('ok');
    expect((await pod.sender.send(ann, createPost({ after: { ...seen, position: positionOf(0, 9) } }))).is).toBe('ok');
  });

  it('is looked up before it is written when it may stand before the window', async () => {
    const asked: unknown[] = [];
    pod.answers.findPost = async (author, conversation, client, projected) => {
      asked.push([author.user, conversation, client, projected]);
      return { position: 77, at: 5 };
    };
    const post = createPost({ retry: true });
    expect(await pod.sender.send(ann, post)).toEqual({ is: 'ok', position: 77, at: 5 });
    expect(asked).toEqual([[ann.user, post.conversation, post.client, 0]]);
    pod.answers.findPost = () => Promise.reject(new BehindError('the projection is behind'));
    expect(await pod.sender.send(ann, createPost({ retry: true }))).toEqual(refused('behind'));
    pod.answers.findPost = async () => undefined;
    expect(await pod.sender.send(ann, createPost({ retry: true }))).toMatchObject({ is: 'ok' });
    expect(asked).toHaveLength(1);
  });
});

describe('a record that comes back void', () => {
  /** Something else gets into the log between the judging and the append, once. */
  function intrude(first: () => Promise<unknown>): void {
    const { append } = pod.answers;
    pod.answers.append = async (...given) => {
      pod.answers.append = append;
      await first();
      return append(...given);
    };
  }

  it('is judged again, and written again when its author may still post', async () => {
    const post = createPost();
    intrude(() => pod.appendFact(post.conversation, 'participant.changed', ann.user));
    expect(await pod.sender.send(ann, post)).toEqual(ok(2));
    expect(pod.appended).toEqual([1, 2]);
  });

  it('is refused when its author may not post any more', async () => {
    const post = createPost();
    intrude(async () => {
      await pod.appendFact(post.conversation, 'participant.removed', ann.user);
      pod.answers.allows = () => false;
    });
    expect(await pod.sender.send(ann, post)).toEqual(refused('not-found'));
    expect(pod.appended).toEqual([1]);
  });

  it('is answered with the valid one of its identity, whoever wrote that', async () => {
    const post = createPost();
    intrude(() => pod.appendPost(post.conversation, { author: ann.user, client: post.client, asOf: -1 }));
    expect(await pod.sender.send(ann, post)).toEqual(ok(0));
    await waitFor(async () => (await endOf(post.conversation)) === 2);
    expect(pod.appended).toEqual([1]);
  });

  it('is judged again also when somebody else stands in its way more than once', async () => {
    const post = createPost();
    const { append } = pod.answers;
    let obstacles = 0;
    pod.answers.append = async (...given) => {
      if (++obstacles <= 3) await pod.appendFact(post.conversation, 'participant.changed', ann.user);
      return append(...given);
    };
    expect(await pod.sender.send(ann, post)).toEqual(ok(6));
  });
});

describe('an append that is not known to have been written', () => {
  it('is answered by the record when that is there after all', async () => {
    const { append } = pod.answers;
    pod.answers.append = async (...given) => {
      await append(...given);
      throw new Error('the connection was lost');
    };
    expect(await pod.sender.send(ann, createPost())).toEqual(ok(0));
  });

  it('is unknown after 5 s when it is not, and the same id may be sent again', async () => {
    const post = createPost();
    const { append } = pod.answers;
    pod.answers.append = () => Promise.reject(new Error('the log is away'));
    const begun = performance.now();
    expect(await pod.sender.send(ann, post)).toEqual({ is: 'unknown' });
    expect(performance.now() - begun).toBeGreaterThan(4_900);
    pod.answers.append = append;
    expect(await pod.sender.send(ann, { ...post, retry: true })).toEqual(ok(0));
  });
});

describe('a record of newer rules', () => {
  it('makes the pod refuse what it cannot judge', async () => {
    const conversation = v4();
    await pod.log.append('conversations', partitionOf(conversation, 2), [
      { key: conversation, headers: { id: v7(), kind: 'x', level: '2' }, value: Buffer.from('{}') },
    ]);
    await waitFor(() => pod.tails.halted);
    expect(await pod.sender.send(ann, createPost())).toEqual(refused('unavailable'));
  });
});
