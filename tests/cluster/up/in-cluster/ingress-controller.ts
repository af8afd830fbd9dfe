import { readFileSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { follow } from './kubernetes.ts';
import { type Backends, findRoute, type Route, readBackends, readRoutes } from './routes.ts';

/**
 * Forwards HTTP and HTTPS to the pods that the Ingress objects name, as ingress-nginx does: straight to pods, by turns, sockets for
 * as long as they last. A pod that ends keeps the sockets that it has.
 */
const PORTS = { plain: 8080, secure: 8443 };
/** How many pods a request is tried at whose connection is refused; the same one again only where there is no other. */
const TRIES = 3;

let routes: Route[] = [];
let backendsOf: Backends = () => [];
void follow('/apis/networking.k8s.io/v1/ingresses', (ingresses) => {
  routes = readRoutes(ingresses.values());
});
void follow('/apis/discovery.k8s.io/v1/endpointslices', (slices) => {
  backendsOf = readBackends(slices.values());
});

let turn = 0;
function choosePod(incoming: IncomingMessage, tried: Set<string>): [address: string, port: number] | undefined {
  const host = (incoming.headers.host ?? '').split(':')[0] as string;
  const route = findRoute(routes, host, incoming.url ?? '/');
  const ready = route ? backendsOf(route.namespace, route.service, route.port) : [];
  if (ready.length === 0) return undefined;
  const others = ready.filter((pod) => !tried.has(pod));
  const pods = others.length > 0 ? others : ready;
  const pod = pods[turn++ % pods.length] as string;
  tried.add(pod);
  const [address, port] = pod.split(':') as [string, string];
  return [address, Number(port)];
}

/** The rest stays as it is; what the sender says of itself in these headers is not passed on. */
function headersFor(incoming: IncomingMessage) {
  return {
    ...incoming.headers,
    'x-forwarded-for': incoming.socket.remoteAddress?.replace(/^::ffff:/, ''),
    'x-forwarded-proto': incoming.socket instanceof TLSSocket ? 'https' : 'http',
    'x-forwarded-host': incoming.headers.host,
    forwarded: undefined,
    'x-real-ip': undefined,
  };
}

function withoutUndefined(headers: object) {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

function answer(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const chunks: Buffer[] = [];
  // Kept whole, so that it can be sent once more where nobody listens any longer.
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => forward(TRIES));
  const tried = new Set<string>();
  function forward(tries: number) {
    const pod = choosePod(incoming, tried);
    if (!pod) return fail('503 no pod is ready');
    const [host, port] = pod;
    const headers = withoutUndefined(headersFor(incoming));
    const forwarded = request({ host, port, method: incoming.method, path: incoming.url, headers, agent });
    let answered = false;
    forwarded.on('response', (response) => {
      answered = true;
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
      response.on('error', () => outgoing.destroy());
    });
    forwarded.on('error', (error: NodeJS.ErrnoException) => {
      if (answered) outgoing.destroy();
      // Nothing of it was taken: refused at once, or an idle connection that its pod had closed.
      else if (tries > 1 && (error.code === 'ECONNREFUSED' || forwarded.reusedSocket)) forward(tries - 1);
      else fail(`502 ${error.message}`);
    });
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) forwarded.destroy();
    });
    forwarded.end(Buffer.concat(chunks));
  }
  function fail(reason: string): void {
    console.error(`${incoming.method} ${incoming.headers.host}${incoming.url?.split('?')[0]}: ${reason}`);
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(Number(reason.slice(0, 3)), { 'content-type': 'text/plain' }).end(`${reason}\n`);
  }
}

function answerUpgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
  const tried = new Set<string>();
  upgrade(TRIES);
  function upgrade(tries: number) {
    const pod = choosePod(incoming, tried);
    if (!pod) return end('503 Service Unavailable');
    const [host, port] = pod;
    const headers = withoutUndefined(headersFor(incoming));
    const forwarded = request({ host, port, method: incoming.method, path: incoming.url, headers, agent: false });
    forwarded.on('upgrade', (response, upstream, first) => {
      socket.write(headOf(response));
      if (first.length > 0) socket.write(first);
      if (head.length > 0) upstream.write(head);
      join(socket, upstream);
    });
    forwarded.on('response', (response) => {
      socket.write(headOf(response));
      response.pipe(socket);
    });
    forwarded.on('error', (error: NodeJS.ErrnoException) => {
      if (tries > 1 && error.code === 'ECONNREFUSED') upgrade(tries - 1);
      else end('502 Bad Gateway');
    });
    socket.on('error', () => forwarded.destroy());
    forwarded.end();
  }
  function end(reason: string): void {
    socket.end(`HTTP/1.1 ${reason}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  }
}

function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    // What is passed on is the body as it was decoded.
    if (!/^transfer-encoding$/i.test(rawHeaders[index] as string)) head += `${rawHeaders[index]}: ${rawHeaders[index + 1]}\r\n`;
  }
  return `${head}\r\n`;
}

function join(one: Duplex, other: Duplex): void {
  one.pipe(other);
  other.pipe(one);
  for (const [here, there] of [
    [one, other],
    [other, one],
  ] as const) {
    here.on('error', () => there.destroy());
    here.on('close', () => there.destroy());
  }
}

function listen(server: Server, port: number): void {
  server.on('request', answer).on('upgrade', answerUpgrade).listen(port);
}

listen(createServer(), PORTS.plain);
listen(createSecureServer({ cert: readFileSync('/certificate/tls.crt'), key: readFileSync('/certificate/tls.key') }), PORTS.secure);
