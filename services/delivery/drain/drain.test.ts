import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DrainedSocket, drainSockets } from './drain.ts';
import { planDrain } from './plan-drain.ts';

describe('the plan of a drain', () => {
  it('asks every socket once, in time order, and leaves time for answers before the end', () => {
    fc.assert(
      fc.property(
        fc.nat(20_000),
        fc.integer({ min: 0, max: 600_000 }),
        fc.float({ min: 0, max: Math.fround(0.99), noNaN: true }),
        (sockets, milliseconds, chance) => {
          const plan = planDrain(sockets, milliseconds, () => chance);
          expect(plan.reduce((sum, batch) => sum + batch.sockets, 0)).toBe(sockets);
          for (const [index, { at, sockets: size, withinMs, closeAfterMs }] of plan.entries()) {
            expect(at).toBeGreaterThanOrEqual(plan[index - 1]?.at ?? 0);
            expect(size).toBeGreaterThan(0);
            expect(closeAfterMs).toBeGreaterThanOrEqual(withinMs);
            expect(at + closeAfterMs).toBeLessThanOrEqual(0.8 * milliseconds);
          }
        },
      ),
    );
  });

  it('spreads many over the time, and some over a moment', () => {
    const batches = planDrain(10_000, 30_000, () => 0.5);
    expect(batches).toHaveLength(60);
    for (const { sockets } of batches) expect(sockets).toBeLessThanOrEqual(167);
    expect(planDrain(1000, 30_000, () => 0).at(-1)).toEqual({ at: 9750, sockets: 25, withinMs: 6000, closeAfterMs: 9000 });
    expect(planDrain(3, 30_000, () => 0)).toEqual([{ at: 0, sockets: 3, withinMs: 6000, closeAfterMs: 9000 }]);
    expect(planDrain(0, 30_000, () => 0)).toEqual([]);
  });
});

/** A socket that leaves when it is asked to, or not before it is closed. */
function fakeSocket(leaves: boolean) {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const said: string[] = [];
  const socket: DrainedSocket = {
    ended,
    hint() {
      said.push('hint');
      if (leaves) end();
    },
    async leave(withinMs) {
      said.push('leave');
      expect(withinMs).toBeLessThanOrEqual(2_000);
      end();
    },
  };
  return { socket, said };
}

describe('a drain', () => {
  it('closes those alone who do not leave, and is over when the last has ended', async () => {
    const sockets = Array.from({ length: 20 }, (_, index) => fakeSocket(index % 4 !== 0));
    const result = await drainSockets(
      sockets.map(({ socket }) => socket),
      2_000,
    );
    expect(result).toMatchObject({ sockets: 20, closed: 5 });
    expect(result.seconds).toBeLessThan(2);
    for (const [index, { said }] of sockets.entries()) expect(said).toEqual(index % 4 === 0 ? ['hint', 'leave'] : ['hint']);
  });

  it('of nobody takes no time', async () => {
    expect((await drainSockets([], 60_000)).seconds).toBeLessThan(1);
  });
});
