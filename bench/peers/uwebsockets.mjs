// Plain JavaScript, since the Node for which this library has binaries takes no TypeScript.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [, , modulePath, message] = process.argv;
const { App, us_socket_local_port: localPort } = createRequire(import.meta.url)(modulePath);

const app = App();
app.ws('/*', {
  compression: 0,
  idleTimeout: 0,
  sendPingsAutomatically: false,
  maxBackpressure: 16 * 1024 * 1024,
  open: (socket) => socket.subscribe('room'),
});
app.listen('127.0.0.1', 0, (listening) => {
  console.log(JSON.stringify({ port: localPort(listening), path: '/', send: [], joined: 'HTTP/1.1 101' }));
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      for (let sent = 0; sent < Number(line); sent++) app.publish('room', message);
    })
    .on('close', () => process.exit(0));
});
