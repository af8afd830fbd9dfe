import type { Client, ConnectionStatus } from '@starling/client';

/** A time for which a client was not live, ms of `performance.now`. */
interface Absence {
  from: number;
  until: number;
}

/** How a client stayed connected. */
export interface Attendance {
  readonly absences: readonly Absence[];
  /** Since when it is not live; undefined while it is, and before it was for the first time. */
  readonly awaySince: number | undefined;
}

/** Watches a client from its first live moment on. */
export function attend(client: Client): Attendance {
  const attendance = { absences: [] as Absence[], awaySince: undefined as number | undefined };
  let before: ConnectionStatus | undefined;
  client.subscribe(() => {
    const { connection } = client.getState();
    if (connection === before) return;
    const now = performance.now();
    if (before === 'live' && connection !== 'stopped') attendance.awaySince ??= now;
    if (connection === 'live' && attendance.awaySince !== undefined) {
      attendance.absences.push({ from: attendance.awaySince, until: now });
      attendance.awaySince = undefined;
    }
    before = connection;
  });
  return attendance;
}

/** How many were away since a time (ms of `performance.now`), and for how many seconds; whoever still is, until now. */
export function absencesSince(all: readonly Attendance[], since: number): { clients: number; median: number; longest: number } {
  const now = performance.now();
  const longestOf = ({ absences, awaySince }: Attendance) =>
    Math.max(
      0,
      ...absences.filter(({ from }) => from >= since).map(({ from, until }) => until - from),
      ...(awaySince === undefined ? [] : [now - awaySince]),
    );
  const seconds = all
    .map((attendance) => longestOf(attendance) / 1000)
    .filter((length) => length > 0)
    .sort((one, other) => one - other);
  return { clients: seconds.length, median: seconds[Math.floor(seconds.length / 2)] ?? 0, longest: seconds.at(-1) ?? 0 };
}
