import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { Readable } from 'node:stream';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent, request as send } from 'undici';

/** One request to the Kubernetes API. Deadlines are the caller's, by the signal. */
export interface KubeRequest {
  method: string;
  /** With its query. */
  path: string;
  body?: string | undefined;
  contentType?: string | undefined;
  signal: AbortSignal;
}

export interface KubeResponse {
  status: number;
  header(name: string): string | undefined;
  /** To be read to its end or destroyed. */
  body: Readable;
}

/** Where the Kubernetes API is, and as whom we speak to it. */
export interface KubeConnection {
  /** Its URL, for messages. */
  readonly server: string;
  /** Rejects when there is no answer. */
  send(request: KubeRequest): Promise<KubeResponse>;
  /** Ends all that is under way. */
  close(): Promise<void>;
}

/** With the service account of this pod; its token is read again as the kubelet replaces it. */
export function connectInCluster(): KubeConnection {
  return connect(() => {
    const config = new KubeConfig();
    config.loadFromCluster();
    return config;
  });
}

/** With a kubeconfig's current context: client certificate, token, or a command that gives either. */
export function connectByKubeconfig(file: string): KubeConnection {
  return connect(() => {
    const config = new KubeConfig();
    config.loadFromFile(file);
    return config;
  });
}

/** Without credentials, such as to `kubectl proxy`. */
export function connectTo(server: string): KubeConnection {
  const agent = createAgent({});
  return {
    server,
    send: (request) => sendOver(agent, server, request, {}),
    close: () => agent.destroy(),
  };
}

type Tls = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;

function connect(load: () => KubeConfig): KubeConnection {
  let config = load();
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error('the kubeconfig has no cluster for its current context; set current-context');
  if (cluster.proxyUrl !== undefined)
    throw new Error(`the kubeconfig names a proxy (${cluster.proxyUrl}), which is not supported; remove proxy-url`);
  const { server } = cluster;
  let agent: Agent | undefined;
  let agentOf = '';

  /** A replaced certificate needs new connections; what runs over the old ones may end in its own time. */
  function agentFor(tls: Tls): Agent {
    const hash = createHash('sha256').update(JSON.stringify(tls)).digest('hex');
    if (agent === undefined || hash !== agentOf) {
      void agent?.close();
      agent = createAgent(tls);
      agentOf = hash;
    }
    return agent;
  }

  async function ask(request: KubeRequest): Promise<KubeResponse> {
    const options: RequestOptions = { headers: {} };
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key, servername, rejectUnauthorized, headers, auth } = options;
    const tls: Tls = Object.fromEntries(
      Object.entries({ ca, cert, key, servername, rejectUnauthorized }).filter(([, value]) => value !== undefined),
    );
    const basic = auth ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {};
    return sendOver(agentFor(tls), server, request, { ...(headers as Record<string, string>), ...basic });
  }

  return {
    server,
    async send(request) {
      const response = await ask(request);
      if (response.status !== 401) return response;
      // Cached tokens may have been replaced since; only new ones could be accepted.
      response.body.destroy();
      config = load();
      return ask(request);
    },
    close: async () => agent?.destroy(),
  };
}

function createAgent(tls: Tls): Agent {
  return new Agent({
    // Watches are silent for long; deadlines are set by whoever asks.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { ...(tls as object), timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 },
  });
}

async function sendOver(agent: Agent, server: string, request: KubeRequest, credentials: Record<string, string>): Promise<KubeResponse> {
  const { method, path, body, contentType, signal } = request;
  const {
    statusCode,
    headers,
    body: answer,
  } = await send(`${server.replace(/\/$/, '')}${path}`, {
    dispatcher: agent,
    method: method as 'GET',
    headers: {
      ...credentials,
      accept: 'application/json',
      'user-agent': 'starling-operator',
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    },
    body: body ?? null,
    signal,
  });
  // A body that is destroyed or cut off emits an error; whoever reads it gets it, and nobody else should die of it.
  answer.on('error', () => {});
  return {
    status: statusCode,
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    body: answer,
  };
}
