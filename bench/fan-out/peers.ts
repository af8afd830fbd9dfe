import { join } from 'node:path';
import { prepared } from '../cache.ts';
import { MESSAGE } from '../peers/message.ts';

/** How one server is started for a measurement. */
export interface Peer {
  name: string;
  /** Asked of Starling's figure over this peer's, by messages a flush. */
  goals?: Record<number, number>;
  /** It differs from another peer only when several messages are published at once. */
  batchesOnly?: true;
  command(sockets: number): string[];
  env?: Record<string, string>;
}

const directory = join(import.meta.dirname, '../peers');
const node = (...args: string[]): string[] => [process.execPath, ...args];

export const STARLING: Peer = {
  name: 'Starling',
  command: (sockets) => node(join(directory, 'starling/main.ts'), String(sockets)),
};

/** Ten messages for thousands of clients are queued within it, so that each client gets them in one frame. */
const CENTRIFUGE_DELAY_MS = 20;
const oneThread = { GOMAXPROCS: '1' };

/** README.md says why each is set up as it is. */
export const PEERS: readonly Peer[] = [
  { name: 'Socket.IO', goals: { 10: 10 }, command: () => node(join(directory, 'socket-io.ts')) },
  { name: 'Socket.IO-array', batchesOnly: true, command: () => node(join(directory, 'socket-io.ts'), 'array') },
  { name: 'ws', command: () => node(join(directory, 'ws.ts')) },
  { name: 'Centrifuge', goals: { 10: 4 }, env: oneThread, command: () => [prepared('centrifuge'), MESSAGE, '0'] },
  {
    name: 'Centrifuge-delay',
    batchesOnly: true,
    goals: { 10: 4 },
    env: oneThread,
    command: () => [prepared('centrifuge'), MESSAGE, String(CENTRIFUGE_DELAY_MS)],
  },
  {
    name: 'uWebSockets.js',
    command: () => [prepared('node20'), join(directory, 'uwebsockets.mjs'), prepared('uwebsockets'), MESSAGE],
  },
];
