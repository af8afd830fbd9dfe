import { isMainThread } from 'node:worker_threads';

/**
 * Loaded into each process before its main: ends it when the supervisor is gone, even by SIGKILL, which nobody can
 * handle. The supervisor holds the other end of stdin and never writes.
 */

/** As long as the supervisor would wait. */
const GRACE_MS = 12_000;

function end(): void {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS).unref();
  process.kill(process.pid, 'SIGTERM');
}

// Threads load it too, and have no stdin of their own.
if (isMainThread) {
  process.stdin.once('end', end).once('error', end).resume();
  // It must not keep a process alive that has nothing else to do.
  process.stdin.unref();
}
