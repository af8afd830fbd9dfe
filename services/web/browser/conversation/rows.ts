import type { PendingSend } from '@starling/client';
import type { Message } from '@starling/contracts/http';
import { isSameDay } from '../parts/times.ts';

/** One line of the conversation as it is drawn. */
export interface Row {
  /** The same before and after the message is stored, so that it stays where it is on the screen. */
  key: string;
  author: string;
  body: string;
  at: number;
  /** It is the first of its day. */
  startsDay: boolean;
  /** It shows its author: someone else spoke before, or some time ago. */
  startsGroup: boolean;
  /** One's own that is not stored yet. */
  pending: PendingSend | null;
}

const GROUP_GAP = 5 * 60_000;

/**
 * Messages, then one's own that are on their way. While there are `more` before them, the first message only tells how
 * the second is drawn: no row then changes its height when older ones come, and nothing moves on the screen.
 */
export function toRows(messages: readonly Message[], more: boolean, sends: readonly PendingSend[], me: string): Row[] {
  const rows: Row[] = [];
  const add = (author: string, client: string, body: string, at: number, pending: PendingSend | null) => {
    const before = rows.at(-1);
    const startsDay = !before || !isSameDay(before.at, at);
    const startsGroup = startsDay || before.author !== author || at - before.at > GROUP_GAP;
    rows.push({ key: `${author} ${client}`, author, body, at, startsDay, startsGroup, pending });
  };
  for (const { author, client, body, at } of messages) add(author, client, body, at, null);
  for (const send of sends) add(me, send.client, send.body, Math.max(send.at, rows.at(-1)?.at ?? 0), send);
  return more ? rows.slice(1) : rows;
}
