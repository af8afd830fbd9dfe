import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Answer, accessOf, answer, type Sources } from './answer.ts';
import type { Access } from './authorize.ts';
import { JSON_TYPE, readPath, renderStatus } from './custom-metrics.ts';
import { type Caller, type FrontProxy, identifyCaller } from './front-proxy.ts';

/** PEM each. */
export interface ServerCertificate {
  certificate: string;
  key: string;
}

export interface MetricsServer {
  port: number;
  /** Connections that are open already keep what they began with. */
  replaceCertificate(certificate: ServerCertificate): void;
  /** Undefined: nobody is let in. Ends what was opened under other authorities. */
  replaceFrontProxy(proxy: FrontProxy | undefined): void;
  close(): Promise<void>;
}

/**
 * Serves the custom metrics of pods to the API server, which passes on what it is asked for: to nobody else. A request
 * needs the API server's client certificate and the user whom it names; then the API is asked whether that user may.
 */
export async function openMetricsServer(options: {
  host: string;
  port: number;
  certificate: ServerCertificate;
  frontProxy: FrontProxy | undefined;
  sources: Sources;
  authorize(caller: Caller, access: Access): Promise<boolean>;
  /** Told after each request. */
  observe(status: number): void;
}): Promise<MetricsServer> {
  const { sources, authorize, observe } = options;
  let { certificate, frontProxy } = options;
  const tls = () => ({
    cert: certificate.certificate,
    key: certificate.key,
    // Without authorities of its own Node would take those of the web.
    ca: frontProxy ? [frontProxy.authorities] : [],
    requestCert: true,
    // Who has none is told so in an answer; only the health of the server is for everybody.
    rejectUnauthorized: false,
  });

  async function reply(request: IncomingMessage): Promise<Answer> {
    const url = URL.parse(request.url ?? '', 'https://localhost');
    const question = url ? readPath(url.pathname, request.headers.accept) : undefined;
    if (question?.is === 'health') return { status: 200, body: { status: 'ok' } };
    const socket = request.socket as TLSSocket;
    const peer = { verified: socket.authorized, commonName: socket.getPeerCertificate()?.subject?.CN };
    const caller = frontProxy && identifyCaller(peer, request.headersDistinct, frontProxy);
    if (!caller) return refusal(401, 'Unauthorized', 'only the Kubernetes API server is answered here');
    if (!url || !question) return refusal(404, 'NotFound', 'there is no such metric here');
    if (request.method !== 'GET') return refusal(405, 'MethodNotAllowed', 'metrics are only read');
    let allowed: boolean;
    try {
      allowed = await authorize(caller, accessOf(question));
    } catch {
      return refusal(503, 'ServiceUnavailable', 'the Kubernetes API does not say whether this is allowed');
    }
    if (!allowed) return refusal(403, 'Forbidden', `${caller.user} may not get ${url.pathname}`);
    return answer(question, url.searchParams, sources);
  }

  const server = createServer(tls(), (request, response) => {
    request.resume();
    void reply(request)
      .catch(() => refusal(500, 'InternalError', 'this could not be answered'))
      .then(({ status, body, contentType = JSON_TYPE }) => {
        observe(status);
        // Strangers hold no connection.
        const close = status === 401 ? { connection: 'close' } : {};
        response.writeHead(status, { ...close, 'content-type': contentType, 'cache-control': 'no-store' }).end(JSON.stringify(body));
      });
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    replaceCertificate(next) {
      certificate = next;
      server.setSecureContext(tls());
    },
    replaceFrontProxy(next) {
      const others = next?.authorities !== frontProxy?.authorities;
      frontProxy = next;
      if (!others) return;
      server.setSecureContext(tls());
      server.closeAllConnections();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

function refusal(code: number, reason: string, message: string): Answer {
  return { status: code, body: renderStatus(code, reason, message) };
}
