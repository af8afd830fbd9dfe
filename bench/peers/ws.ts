import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { servePeer } from './control.ts';
import { MESSAGE } from './message.ts';

// A loop over the sockets, each corked so that what is published at once goes out in one system call.
const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
const message = Buffer.from(MESSAGE);

http.listen(0, '127.0.0.1', () => {
  const { port } = http.address() as AddressInfo;
  servePeer({ port, path: '/', send: [], joined: 'HTTP/1.1 101' }, (count) => {
    for (const socket of server.clients) {
      const { _socket: stream } = socket as unknown as { _socket: Socket };
      stream.cork();
      for (let sent = 0; sent < count; sent++) socket.send(message, { binary: false });
      stream.uncork();
    }
  });
});
