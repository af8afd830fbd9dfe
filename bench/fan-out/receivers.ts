import { createInterface } from 'node:readline';
import type { Invitation } from '../peers/control.ts';
import { Receiver } from './receiver.ts';

/** What the process of the receivers is told, a line of JSON each; each is answered by one line. */
export type Order = { do: 'join'; receivers: number; invitation: Invitation } | { do: 'expect'; messages: number };

/** So many join at a time: fewer than a listening socket lets wait. */
const JOINING = 100;

let outstanding = 0;

function onReceived(messages: number): void {
  outstanding -= messages;
  if (outstanding < 0) throw new Error(`${-outstanding} messages more than were published have arrived`);
  if (outstanding === 0) console.log('received');
}

async function join(count: number, invitation: Invitation): Promise<void> {
  for (let first = 0; first < count; first += JOINING) {
    const joining = Array.from({ length: Math.min(JOINING, count - first) }, (_, index) =>
      new Receiver(onReceived).join(invitation, first + index),
    );
    await Promise.all(joining);
  }
  console.log('joined');
}

async function obey(order: Order): Promise<void> {
  if (order.do === 'join') return join(order.receivers, order.invitation);
  outstanding += order.messages;
  console.log('expecting');
}

createInterface({ input: process.stdin })
  .on('line', (line) => void obey(JSON.parse(line)))
  .on('close', () => process.exit(0));
