import { join } from 'node:path';
import { prepared } from '../cache.ts';
import { MESSAGE } from '../peers/message.ts';

/** How one server is started for a measurement. */
export interface Peer {
  name: string;
  /** Asked of Starling's figure over this peer's, by messages a flush. */
  goals?: Record<number, number>;
  command(options: { sockets: number; batch: number }): string[];
  env?: Record<string, string>;
}

const directory = join(import.meta.dirname, '../peers');
const node = (...args: string[]): string[] => [process.execPath, ...args];

export const STARLING: Peer = {
  name: 'Starling',
  command: ({ sockets }) => node(join(directory, 'starling/main.ts'), String(sockets)),
};

/** README.md says why each is set up as it is. */
export const PEERS: readonly Peer[] = [
  { name: 'Socket.IO', goals: { 10: 10 }, command: () => node(join(directory, 'socket-io.ts')) },
  { name: 'Socket.IO-array', command: () => node(join(directory, 'socket-io.ts'), 'array') },
  { name: 'ws', command: () => node(join(directory, 'ws.ts')) },
  {
    name: 'Centrifuge',
    goals: { 10: 4 },
    command: ({ batch }) => [prepared('centrifuge'), MESSAGE, batch === 1 ? '0' : '5'],
    env: { GOMAXPROCS: '1' },
  },
  {
    name: 'uWebSockets.js',
    command: () => [prepared('node20'), join(directory, 'uwebsockets.mjs'), prepared('uwebsockets'), MESSAGE],
  },
];
