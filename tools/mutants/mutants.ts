/** A fault put into the code on purpose, and the tests of which at least one must fail with it. */
export interface Mutant {
  name: string;
  /** From the root of the repository. */
  file: string;
  /** Stands in the file exactly once. */
  find: string;
  replace: string;
  /** What vitest is asked to run. */
  tests: string;
}

export const MUTANTS: Mutant[] = [
  {
    name: 'duplicate-accepted',
    file: 'packages/contracts/log/window.ts',
    find: "if (between.client === post.client) return 'duplicate';",
    replace: '',
    tests: 'packages/contracts/log/window.test.ts',
  },
  {
    name: 'duplicate-accepted-by-a-pod',
    file: 'packages/contracts/log/window.ts',
    find: "if (between.client === post.client) return 'duplicate';",
    replace: '',
    tests: 'tests/protocol/two-pods.integration.test.ts',
  },
  {
    name: 'removal-does-not-void',
    file: 'packages/contracts/log/window.ts',
    find: 'return between.user === post.author && (PARTICIPANT_KINDS as readonly string[]).includes(between.kind)',
    replace: 'return false',
    tests: 'packages/contracts/log/window.test.ts',
  },
  {
    name: 'ack-before-read-back',
    file: 'services/delivery/append/sender.ts',
    find: "await log.append('conversations', partitionOf(conversation, log.partitions.conversations), [record]);",
    replace:
      "const [own = 0] = await log.append('conversations', partitionOf(conversation, log.partitions.conversations), [record]); pending.settle({ is: 'ok', position: positionOf(this.#options.tails.epoch, own), at: Date.now() });",
    tests: 'tests/protocol/two-pods.integration.test.ts',
  },
  {
    name: 'stale-fact-applied',
    file: 'packages/contracts/log/reduce.ts',
    find: 'return held === undefined || fact.rev > held.rev;',
    replace: 'return held === undefined || fact.rev <= held.rev || fact.rev > held.rev;',
    tests: 'packages/contracts/log/reduce.test.ts',
  },
  {
    name: 'cursor-is-tail',
    file: 'services/delivery/fan-out/settled.ts',
    find: 'for (const lowest of this.#walking) return lowest;',
    replace: '',
    tests: 'services/delivery/fan-out',
  },
  {
    name: 'replay-and-live-overlap',
    file: 'services/delivery/fan-out/room.ts',
    find: 'if (liveFrom !== undefined && offset < liveFrom) return;',
    replace: '',
    tests: 'services/delivery/fan-out',
  },
  {
    name: 'resume-leaves-a-hole',
    file: 'services/delivery/resume/resume.ts',
    find: '(from[topic][index] ?? 0) < partition.ring.start',
    replace: '(from[topic][index] ?? 0) < 0',
    tests: 'tests/protocol/resuming.integration.test.ts',
  },
  {
    name: 'removed-goes-on-receiving',
    file: 'packages/contracts/log/reduce.ts',
    find: '(span.to === null || position <= span.to)',
    replace: '(span.to === null || position >= span.from)',
    tests: 'packages/contracts/log/reduce.test.ts',
  },
  {
    name: 'projection-overtaken-unnoticed',
    file: 'packages/platform/projection/projection.ts',
    find: 'if (!(await advanceRow(tx, this.#place(index), partition.row.nextOffset, next)))',
    replace: 'if (!(await advanceRow(tx, this.#place(index), partition.row.nextOffset, next)) && false)',
    tests: 'packages/platform/projection',
  },
  {
    name: 'stored-post-refused',
    file: 'services/delivery/append/sender.ts',
    find: 'const asOf = partition.next - 1;',
    replace:
      "const asOf = partition.next - 1; if (!allowed) return pending.settle({ is: 'refused', problem: renderProblem('not-found') });",
    tests: 'tests/protocol/hostile.integration.test.ts',
  },
  {
    name: 'no-seek-after-rejoin',
    file: 'packages/platform/log/kafka/partition-reader.ts',
    find: 'else if (this.#next !== undefined && !relocate) seek(this.#next);',
    replace: 'else if (this.#next !== undefined && !relocate) return;',
    tests: 'packages/platform/log/kafka/faults.integration.test.ts',
  },
  {
    name: 'idempotent-producer',
    file: 'packages/platform/log/kafka/appender.ts',
    find: 'idempotent: false,\n      retry: { retries: 0 },',
    replace: 'idempotent: true, retry: { retries: 5 },',
    tests: 'packages/platform/log/kafka/faults.integration.test.ts',
  },
  {
    name: 'standstill-unnoticed',
    file: 'packages/platform/log/kafka/gap-watch.ts',
    find: 'if (gap > GAP_MS)',
    replace: 'if (false)',
    tests: 'packages/platform/log/kafka/faults.integration.test.ts',
  },
  {
    name: 'evidence-not-compared',
    file: 'packages/platform/tokens/gate.ts',
    find: "if (userToken === undefined || hop['evd'] !== evidence)",
    replace: 'if (userToken === undefined)',
    tests: 'packages/platform/tokens/hop-token.test.ts',
  },
  {
    name: 'dropped-key-still-proves',
    file: 'packages/platform/tokens/gate.ts',
    find: 'held && ring.find(held.claims.iss, held.kid) === held.key',
    replace: 'held !== undefined',
    tests: 'packages/platform/tokens/rotate-keys.test.ts',
  },
  {
    name: 'revocation-not-asked',
    file: 'packages/platform/tokens/gate.ts',
    find: 'revocations ? revocations.judge(identity) : identity',
    replace: 'identity',
    tests: 'packages/platform/tokens/revocations.integration.test.ts',
  },
  {
    name: 'tries-at-a-code-not-counted',
    file: 'services/identity/store/codes.ts',
    find: 'SET tries = tries + 1 WHERE',
    replace: 'SET tries = tries WHERE',
    tests: 'services/identity/rpc/registration.integration.test.ts',
  },
  {
    name: 'origin-of-a-socket-not-compared',
    file: 'services/delivery/gateway/gateway.ts',
    find: 'identity && identity.origin !== request.headers.origin',
    replace: 'identity === undefined && identity !== undefined',
    tests: 'tests/protocol/bad-input.integration.test.ts',
  },
];
