import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkHistory, type History, type Read } from './check-history.ts';

/** A run without fault: two conversations, posts of all outcomes, sockets that resumed at any place. */
function soundRun(size: number, cuts: number[]): History {
  const final: Read[] = [];
  const operations: History['operations'] = [];
  for (let number = 0; number < size; number++) {
    const post = { conversation: `c${number % 2}`, author: `u${number % 3}`, client: `id${number}`, body: `text ${number}` };
    const outcome = (['ok', 'ok', 'unknown', 'refused', 'unknown'] as const)[number % 5] ?? 'ok';
    const isStored = outcome === 'ok' || (outcome === 'unknown' && number % 2 === 0);
    operations.push({ ...post, outcome, ...(outcome === 'ok' ? { position: number } : {}) });
    if (isStored) final.push({ ...post, position: number });
  }
  const sessions = cuts.map((cut) => ({
    user: 'u0',
    from: new Map([
      ['c0', cut],
      ['c1', cut],
    ]),
    received: final.filter((read) => read.position >= cut),
    complete: new Map([
      ['c0', size],
      ['c1', size],
    ]),
  }));
  return { operations, sessions, final };
}

const runs = fc
  .tuple(fc.integer({ min: 20, max: 60 }), fc.array(fc.nat(10), { minLength: 1, maxLength: 4 }))
  .map(([size, cuts]) => soundRun(size, cuts));

function expectFault(mutate: (run: History, pick: (length: number) => number) => void, sentence: RegExp): void {
  fc.assert(
    fc.property(runs, fc.nat(), (run, seed) => {
      const mutant = structuredClone(run);
      mutate(mutant, (length) => seed % length);
      expect(checkHistory(mutant).join('\n')).toMatch(sentence);
    }),
  );
}

describe('the history checker', () => {
  it('finds nothing wrong with a run without fault', () => {
    fc.assert(
      fc.property(runs, (run) => {
        expect(checkHistory(run)).toEqual([]);
      }),
    );
  });

  it('finds an acknowledged post that is lost', () => {
    expectFault((run, pick) => {
      const acked = run.operations.filter((operation) => operation.outcome === 'ok');
      const lost = acked[pick(acked.length)];
      run.final = run.final.filter((read) => read.client !== lost?.client);
      for (const session of run.sessions) session.received = session.received.filter((read) => read.client !== lost?.client);
    }, /acknowledged and is lost/);
  });

  it('finds a post that is there twice', () => {
    expectFault((run, pick) => {
      const twice = run.final[pick(run.final.length)] as Read;
      run.final.push({ ...twice, position: 10_000 });
    }, /in the history twice/);
  });

  it('finds a refused post in the history', () => {
    expectFault((run) => {
      const refused = run.operations.find((operation) => operation.outcome === 'refused');
      if (refused) run.final.push({ ...refused, position: 10_000 });
    }, /refused and is in the history/);
  });

  it('finds an acknowledgement with another place', () => {
    expectFault((run) => {
      const acked = run.operations.find((operation) => operation.outcome === 'ok');
      if (acked) acked.position = 9_999;
    }, /acknowledged at 9999/);
  });

  it('finds a hole in what a socket got', () => {
    expectFault((run, pick) => {
      const session = run.sessions[0] as History['sessions'][0];
      session.received.splice(pick(session.received.length), 1);
    }, /expected .* and got/);
  });

  it('finds a double in what a socket got', () => {
    expectFault((run, pick) => {
      const session = run.sessions[0] as History['sessions'][0];
      const index = pick(session.received.length);
      session.received.splice(index, 0, session.received[index] as Read);
    }, /expected .* and got|which is not there or came before/);
  });

  it('finds two that changed places', () => {
    expectFault((run) => {
      const session = run.sessions[0] as History['sessions'][0];
      const own = session.received.filter((read) => read.conversation === 'c0');
      const others = session.received.filter((read) => read.conversation !== 'c0');
      session.received = [...own.reverse(), ...others];
    }, /expected .* and got/);
  });

  it('finds a message of a conversation in which the user takes no part', () => {
    expectFault((run) => run.sessions[0]?.from.delete('c1'), /takes no part/);
  });
});
