import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { servePeer } from './control.ts';
import { MESSAGE } from './message.ts';

const TEN_MINUTES_MS = 600_000;
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  pingInterval: TEN_MINUTES_MS,
  pingTimeout: TEN_MINUTES_MS,
});
io.on('connection', (socket) => void socket.join('room'));

// With `array`, what is published at once is one event that holds all of it.
const asArray = process.argv[2] === 'array';

http.listen(0, '127.0.0.1', () => {
  const { port } = http.address() as AddressInfo;
  servePeer({ port, path: '/socket.io/?EIO=4&transport=websocket', send: ['40'], joined: '40{"sid"' }, (count) => {
    if (asArray) io.to('room').emit('messages', new Array(count).fill(MESSAGE));
    else for (let sent = 0; sent < count; sent++) io.to('room').emit('message', MESSAGE);
  });
});
