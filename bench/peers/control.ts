import { createInterface } from 'node:readline';

/** What a peer prints as its first line: where and how receivers join its room. */
export interface Invitation {
  port: number;
  path: string;
  /** The Sec-WebSocket-Protocol header of each receiver, where the peer wants one. */
  protocols?: string[];
  /** Text frames that a receiver sends once it is connected. */
  send: string[];
  /** What a receiver has got when it has joined. */
  joined: string;
}

/** A peer's side: invites, and publishes as many messages at once as each line of standard input says, until it ends. */
export function servePeer(invitation: Invitation, publish: (count: number) => void): void {
  console.log(JSON.stringify(invitation));
  createInterface({ input: process.stdin })
    .on('line', (line) => publish(Number(line)))
    .on('close', () => process.exit(0));
}
