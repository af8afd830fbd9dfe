import { expect, test } from 'vitest';
import { TooManyWaiting, Turns } from './turns.ts';

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
  const turns = new Turns({ atOnce: 2, waitingAtMost: 5 });
  const jobs = [job(), job(), job(), job()] as const;
  const results = jobs.map(({ work }) => turns.take(never, work));
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
  expect(await turns.take(never, async () => 'free again')).toBe('free again');
});

test('the line is bounded', async () => {
  const turns = new Turns({ atOnce: 1, waitingAtMost: 1 });
  const [running, waiting] = [job(), job()];
  const results = [turns.take(never, running.work), turns.take(never, waiting.work)];
  await expect(turns.take(never, async () => 'refused')).rejects.toThrow(TooManyWaiting);
  running.finish('a');
  waiting.finish('b');
  expect(await Promise.all(results)).toEqual(['a', 'b']);
});

test('who gives up leaves the line, and its work never runs', async () => {
  const turns = new Turns({ atOnce: 1, waitingAtMost: 1 });
  const [running, abandoned] = [job(), job()];
  const leave = new AbortController();
  const first = turns.take(never, running.work);
  const second = turns.take(leave.signal, abandoned.work);
  leave.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  const third = turns.take(never, async () => 'third');
  running.finish('first');
  expect(await first).toBe('first');
  expect(await third).toBe('third');
  expect(abandoned.started()).toBe(false);
});
