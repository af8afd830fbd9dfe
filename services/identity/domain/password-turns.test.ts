import { expect, test } from 'vitest';
import { PasswordTurns, TooManyWaiting } from './password-turns.ts';

const never = new AbortController().signal;

function job(): { work: () => Promise<string>; started: () => boolean; finish: (result: string) => void; fail: () => void } {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let begun = false;
  return {
    work: () => {
      begun = true;
      return promise;
    },
    started: () => begun,
    finish: resolve,
    fail: () => reject(new Error('the work failed')),
  };
}

test('only so many run at once; the others follow in order, also after a failure', async () => {
  const turns = new PasswordTurns({ atOnce: 2, waitingAtMost: 5 });
  const jobs = [job(), job(), job(), job()] as const;
  const results = jobs.map(({ work }) => turns.take(['a'], never, work));
  expect(jobs.map((each) => each.started())).toEqual([true, true, false, false]);
  jobs[1].fail();
  await expect(results[1]).rejects.toThrow('the work failed');
  expect(jobs.map((each) => each.started())).toEqual([true, true, true, false]);
  jobs[0].finish('first');
  expect(await results[0]).toBe('first');
  expect(jobs[3].started()).toBe(true);
  jobs[2].finish('third');
  jobs[3].finish('fourth');
  expect(await Promise.all([results[2], results[3]])).toEqual(['third', 'fourth']);
  expect(await turns.take(['a'], never, async () => 'free again')).toBe('free again');
});

test('the line is bounded', async () => {
  const turns = new PasswordTurns({ atOnce: 1, waitingAtMost: 1 });
  const [running, waiting] = [job(), job()];
  const results = [turns.take(['a'], never, running.work), turns.take(['a'], never, waiting.work)];
  await expect(turns.take(['a'], never, async () => 'refused')).rejects.toThrow(TooManyWaiting);
  running.finish('a');
  waiting.finish('b');
  expect(await Promise.all(results)).toEqual(['a', 'b']);
});

test('who gives up leaves the line, and its work never runs', async () => {
  const turns = new PasswordTurns({ atOnce: 1, waitingAtMost: 1 });
  const [running, abandoned] = [job(), job()];
  const leave = new AbortController();
  const first = turns.take(['a'], never, running.work);
  const second = turns.take(['a'], leave.signal, abandoned.work);
  leave.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  const third = turns.take(['a'], never, async () => 'third');
  running.finish('first');
  expect(await first).toBe('first');
  expect(await third).toBe('third');
  expect(abandoned.started()).toBe(false);
});

test('lines take turns, so that a flood of one key waits behind itself', async () => {
  const turns = new PasswordTurns({ atOnce: 1, waitingAtMost: 10 });
  const order: string[] = [];
  const running = job();
  const results = [turns.take(['flood'], never, running.work)];
  for (const name of ['flood 1', 'flood 2', 'flood 3']) results.push(turns.take(['flood'], never, async () => name));
  for (const name of ['person 1', 'person 2']) results.push(turns.take(['person'], never, async () => name));
  for (const result of results) void result.then((name) => order.push(name));
  running.finish('first');
  await Promise.all(results);
  expect(order).toEqual(['first', 'flood 1', 'person 1', 'flood 2', 'person 2', 'flood 3']);
});

test('when too many wait, the last of the longest line makes room', async () => {
  const turns = new PasswordTurns({ atOnce: 1, waitingAtMost: 3 });
  const running = job();
  const results = [turns.take(['flood'], never, running.work)];
  for (const name of ['flood 1', 'flood 2']) results.push(turns.take(['flood'], never, async () => name));
  const crowded = turns.take(['flood'], never, async () => 'flood 3').catch((error: Error) => error.name);
  results.push(turns.take(['person'], never, async () => 'person'));
  expect(await crowded).toBe('TooManyWaiting');
  await expect(turns.take(['flood'], never, async () => 'flood 4')).rejects.toThrow(TooManyWaiting);
  running.finish('first');
  expect(await Promise.all(results)).toEqual(['first', 'flood 1', 'flood 2', 'person']);
});

test('a flood that has one key in common waits behind itself, whichever that is', async () => {
  const turns = new PasswordTurns({ atOnce: 1, waitingAtMost: 20 });
  const order: string[] = [];
  const running = job();
  const results: Promise<unknown>[] = [turns.take(['x', 'y'], never, running.work)];
  const come = (...keys: [string, ...string[]]) => results.push(turns.take(keys, never, async () => order.push(keys.join(' '))));
  for (const address of ['a', 'b', 'c', 'd']) come(address, 'victim');
  for (const account of ['1', '2', '3']) come('flooder', account);
  come('somebody', 'else');
  running.finish('done');
  await Promise.all(results);
  expect(order.indexOf('somebody else')).toBeLessThanOrEqual(4);
});
