import { kubectl } from './kubectl.ts';

/** One try to connect, by address. */
export interface Attempt {
  address: string;
  port: number;
  protocol: 'TCP' | 'UDP';
}

/**
 * Runs in a pod: opens all connections, and prints which of them an answer came to. Over UDP it asks a name server.
 * Written without quotes of the shell, as it is one argument.
 */
const PROGRAM = `
const net = require('node:net'), dgram = require('node:dgram');
const attempts = JSON.parse(process.argv[1]);
const query = Buffer.from('abcd01000001000000000000076578616d706c6507696e76616c69640000010001', 'hex');
const tcp = ({ address, port }) => new Promise((resolve) => {
  const socket = net.connect({ host: address, port, timeout: 3000 });
  const end = (open) => { socket.destroy(); resolve(open); };
  socket.on('connect', () => end(true)).on('error', () => end(false)).on('timeout', () => end(false));
});
const udp = ({ address, port }) => new Promise((resolve) => {
  const socket = dgram.createSocket('udp4');
  const late = setTimeout(() => end(false), 3000);
  const end = (open) => { clearTimeout(late); socket.close(); resolve(open); };
  socket.once('message', () => end(true)).once('error', () => end(false));
  socket.send(query, port, address, (error) => { if (error) end(false); });
});
Promise.all(attempts.map((one) => (one.protocol === 'UDP' ? udp(one) : tcp(one)))).then((open) => console.log(JSON.stringify(open)));
`;

/** Whether each of them gets through from a pod; its container must have Node. */
export async function connectFrom(
  pod: { namespace: string; name: string; container: string },
  attempts: readonly Attempt[],
): Promise<boolean[]> {
  const node = ['node', '-e', PROGRAM, JSON.stringify(attempts)];
  const output = await kubectl(['--namespace', pod.namespace, 'exec', pod.name, '--container', pod.container, '--', ...node]);
  return JSON.parse(output) as boolean[];
}

/** Runs in a pod of its own: takes connections on ports, until it is killed. */
export const LISTENER = `
const net = require('node:net');
const ports = JSON.parse(process.argv[1]);
let left = ports.length;
for (const port of ports) net.createServer((socket) => socket.on('error', () => {}).end()).listen(port, () => { if (--left === 0) console.log('listening'); });
process.on('SIGTERM', () => process.exit(0));
`;
