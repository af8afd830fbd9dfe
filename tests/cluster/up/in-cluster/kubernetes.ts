import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const ASK_AGAIN_MS = 500;
/** A watch ends so soon, and begins with a list again: what was missed by any fault is seen then. */
const WATCH_SECONDS = 60;

/** An object of any kind. */
// biome-ignore lint/suspicious/noExplicitAny: objects of every kind, read by their paths.
export type Live = Record<string, any>;

/** One request to the API, as the pod's service account. Rejects unless it is answered well. */
export async function ask(method: string, path: string, body?: object, type = 'application/json'): Promise<Live> {
  const response = await send(method, path, body, type);
  let text = '';
  for await (const chunk of response) text += chunk;
  const status = response.statusCode ?? 0;
  if (status >= 300) throw new Error(`${method} ${path} was answered ${status}: ${text}`);
  return JSON.parse(text);
}

/** Keeps all objects of a path in a map by namespace/name, for ever, and calls `changed` whenever they are others. */
export async function follow(path: string, changed: (objects: Map<string, Live>) => void): Promise<never> {
  for (;;) {
    try {
      const list = await ask('GET', path);
      const objects = new Map<string, Live>((list['items'] as Live[]).map((object) => [nameOf(object), object]));
      changed(objects);
      const query = `?watch=true&timeoutSeconds=${WATCH_SECONDS}&resourceVersion=${list['metadata'].resourceVersion}`;
      for await (const line of createInterface({ input: await send('GET', path + query) })) {
        const { type, object } = JSON.parse(line) as { type: string; object: Live };
        if (type === 'ERROR') break;
        if (type === 'DELETED') objects.delete(nameOf(object));
        else objects.set(nameOf(object), object);
        changed(objects);
      }
    } catch (error) {
      console.error(`${path}: ${(error as Error).message}`);
      await delay(ASK_AGAIN_MS);
    }
  }
}

function send(method: string, path: string, body?: object, type = 'application/json'): Promise<IncomingMessage> {
  const options = {
    host: 'kubernetes.default.svc',
    method,
    path,
    ca: readFileSync(`${ACCOUNT}/ca.crt`),
    headers: { authorization: `Bearer ${readFileSync(`${ACCOUNT}/token`, 'utf8')}`, 'content-type': type },
  };
  return new Promise((resolve, reject) => {
    request(options, resolve)
      .on('error', reject)
      .end(body && JSON.stringify(body));
  });
}

function nameOf({ metadata }: Live): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
