import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Read once per connection, since a connection brings many requests. */
const known = new WeakMap<object, X509Certificate | undefined>();

/** The certificate of whoever has sent a request, verified by the server; `undefined`: the connection is plain. */
export function certificateOf(request: IncomingMessage | Http2ServerRequest): X509Certificate | undefined {
  const connection = 'stream' in request ? (request.stream.session ?? request.stream) : request.socket;
  if (known.has(connection)) return known.get(connection);
  const socket = request.socket as Partial<TLSSocket>;
  const certificate = socket.encrypted ? socket.getPeerX509Certificate?.() : undefined;
  known.set(connection, certificate);
  return certificate;
}

/** Whether a certificate is for this host, by a name or an address of its own; its subject says nothing. */
export function isCertificateFor(certificate: X509Certificate, host: string): boolean {
  const found = isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host, { subject: 'never' });
  return found !== undefined;
}
