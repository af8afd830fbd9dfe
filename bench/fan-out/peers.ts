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

const oneThread = { GOMAXPROCS: '1' };

/** @param delay for how many milliseconds each client's writer collects. */
function centrifuge(delay: number): Pick<Peer, 'command' | 'env'> {
  return { env: oneThread, command: () => [prepared('centrifuge'), MESSAGE, String(delay)] };
}

/** README.md says why each is set up as it is. */
export const PEERS: readonly Peer[] = [
  { name: 'Socket.IO', goals: { 10: 10 }, command: () => node(join(directory, 'socket-io.ts')) },
  { name: 'Socket.IO-array', batchesOnly: true, command: () => node(join(directory, 'socket-io.ts'), 'array') },
  { name: 'ws', command: () => node(join(directory, 'ws.ts')) },
  { name: 'Centrifuge', goals: { 10: 4 }, ...centrifuge(0) },
  { name: 'Centrifuge-20ms', goals: { 10: 4 }, batchesOnly: true, ...centrifuge(20) },
  { name: 'Centrifuge-60ms', batchesOnly: true, ...centrifuge(60) },
  {
    name: 'uWebSockets.js',
    command: () => [prepared('node20'), join(directory, 'uwebsockets.mjs'), prepared('uwebsockets'), MESSAGE],
  },
];
