import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { readApiAccess } from './api.ts';

/** One request of a program to the API, as it went through the proxy. */
export interface ProxiedRequest {
  method: string;
  /** With its query. */
  url: string;
  isWatch: boolean;
  /** ms since 1970. */
  at: number;
  /** Of the answer; undefined until there is one. */
  status?: number;
}

/** What is answered instead of asking the API. */
export interface Fault {
  status: number;
  headers?: Record<string, string>;
  body?: object;
}

export interface FaultProxy {
  /** Of a program that speaks to the API through it, as kubectl's user. */
  kubeconfig: string;
  /** All so far. */
  requests: ProxiedRequest[];
  /** Asked before each request; undefined: it goes to the API. */
  judge: (request: ProxiedRequest) => Fault | undefined;
  /** Told after each request that the API has answered, before the program hears of it. */
  answered: (request: ProxiedRequest) => void;
  /** Ends all watches that are open: by a connection that breaks, or by the API's word that their place is forgotten. */
  endWatches(how: 'cut' | 'expired'): number;
  close(): Promise<void>;
}

const EXPIRED = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'too old resource version', reason: 'Expired', code: 410 };

/** Stands between a program and the Kubernetes API, on this machine. */
export async function startFaultProxy(): Promise<FaultProxy> {
  const { server, authority, credentials } = await readApiAccess();
  const { hostname, port } = new URL(server);
  const tls = 'token' in credentials ? {} : { cert: credentials.certificate, key: credentials.key };
  const authorization = 'token' in credentials ? { authorization: `Bearer ${credentials.token}` } : {};
  const agent = new Agent({ keepAlive: true, ca: authority, ...tls });
  const watches = new Set<ServerResponse>();

  const proxy: FaultProxy = {
    kubeconfig: '',
    requests: [],
    judge: () => undefined,
    answered: () => {},
    endWatches(how) {
      const open = [...watches];
      for (const watch of open) {
        if (how === 'cut') watch.destroy();
        else watch.end(`${JSON.stringify({ type: 'ERROR', object: EXPIRED })}\n`);
      }
      return open.length;
    },
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      agent.destroy();
    },
  };

  function pass(incoming: IncomingMessage, outgoing: ServerResponse, noted: ProxiedRequest): void {
    const { host: _, ...headers } = incoming.headers;
    const options = { hostname, port, method: noted.method, path: noted.url, headers: { ...headers, ...authorization }, agent };
    const forwarded = request(options, (response) => {
      noted.status = response.statusCode ?? 0;
      proxy.answered(noted);
      outgoing.writeHead(noted.status, response.headers);
      outgoing.flushHeaders();
      if (noted.isWatch) watches.add(outgoing);
      response.on('data', (chunk: Buffer) => {
        if (!outgoing.writableEnded) outgoing.write(chunk);
      });
      response.on('end', () => outgoing.end());
      response.on('error', () => outgoing.destroy());
    });
    forwarded.on('error', () => outgoing.destroy());
    outgoing.on('close', () => {
      watches.delete(outgoing);
      forwarded.destroy();
    });
    incoming.pipe(forwarded);
  }

  const http = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/' } = incoming;
    const noted: ProxiedRequest = { method, url, isWatch: /[?&]watch=true(&|$)/.test(url), at: Date.now() };
    proxy.requests.push(noted);
    const fault = proxy.judge(noted);
    if (!fault) return pass(incoming, outgoing, noted);
    incoming.resume();
    noted.status = fault.status;
    outgoing.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
    outgoing.end(
      JSON.stringify(fault.body ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'of the test', code: fault.status }),
    );
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  proxy.kubeconfig = kubeconfigOf(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
  return proxy;
}

/** Of an API that asks nobody who they are. */
function kubeconfigOf(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}

/** `create`, `apply`, `patch`, `delete`, `update`: what changes something; undefined: what only asks. */
export function isWrite({ method }: ProxiedRequest): boolean {
  return method !== 'GET';
}
