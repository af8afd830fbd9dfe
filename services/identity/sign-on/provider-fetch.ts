import { type LookupAddress, lookup } from 'node:dns';
import type { IncomingMessage } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { CustomFetch } from 'openid-client';
import { isProtected, isPublicAddress } from './public-address.ts';

/** Discovery, keys, tokens and claims together must fit into the patience of web's call. */
const REQUEST_MS = 3_000;
/** Many times what any of them takes. */
const RESPONSE_BYTES = 256 * 1024;

/** A provider did not answer, or not as one does. */
export class ProviderUnreachable extends Error {
  override name = 'ProviderUnreachable';
}

/**
 * Fetches what a provider says, and nothing else: by HTTPS, from an address on the internet (looked at when the
 * connection is made, so that a name cannot mean one address when it is looked at and another after), without following
 * redirects, within bounds of size and time. With `privateNetwork`, from any address, and from this machine by HTTP too.
 * Throws {@link ProviderUnreachable}.
 */
export function createProviderFetch(privateNetwork: boolean): CustomFetch {
  return async (address, { method, headers, body }) => {
    const url = new URL(address);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (!isProtected(url, privateNetwork)) throw new ProviderUnreachable('the address is not https');
    if (!privateNetwork && isIP(host) !== 0 && !isPublicAddress(host)) throw new ProviderUnreachable(PRIVATE);
    if (!(body == null || typeof body === 'string' || body instanceof URLSearchParams))
      throw new TypeError('the body of a request to a provider is a form');
    const signal = AbortSignal.timeout(REQUEST_MS);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
        method,
        headers,
        // No connection of anybody else's, made to wherever.
        agent: false,
        signal,
        ...(privateNetwork ? {} : { lookup: lookupPublic }),
      });
      request.once('response', resolve);
      request.once('error', (error) => reject(unreachable(error, signal)));
      request.end(body?.toString());
    });
    const bytes = await readAll(response, signal);
    const { statusCode = 0 } = response;
    // The library takes no redirect for an answer; Response itself wants no body where there can be none.
    return new Response(statusCode === 204 || statusCode === 304 ? null : bytes, {
      status: statusCode,
      headers: Object.entries(response.headers).flatMap(([name, value]): [string, string][] =>
        typeof value === 'string' ? [[name, value]] : [],
      ),
    });
  };
}

const PRIVATE = 'the address is of a private network: only privateNetwork in its configuration allows that';

const lookupPublic: LookupFunction = (host, options, done) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error, []);
    if (!addresses.every(({ address }) => isPublicAddress(address))) return done(new ProviderUnreachable(PRIVATE), []);
    const [first] = addresses as [LookupAddress, ...LookupAddress[]];
    return options.all ? done(null, addresses) : done(null, first.address, first.family);
  });
};

async function readAll(response: IncomingMessage, signal: AbortSignal): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > RESPONSE_BYTES) throw new ProviderUnreachable(`the answer has more than ${RESPONSE_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    response.destroy();
    throw unreachable(error as Error, signal);
  }
  return Buffer.concat(chunks);
}

function unreachable(error: Error, signal: AbortSignal): ProviderUnreachable {
  if (error instanceof ProviderUnreachable) return error;
  return new ProviderUnreachable(signal.aborted ? 'it took too long' : ((error as NodeJS.ErrnoException).code ?? error.message));
}
