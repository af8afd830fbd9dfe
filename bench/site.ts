import { signUpAt, startStarlingProcess } from '@starling/testing/starling';
import { v7 } from 'uuid';

const PASSWORD = 'correct horse battery';

/** The product in one process, as this machine sees it and as the world does. */
export interface Site {
  /** From the machine itself: nothing counts addresses here, and codes are in the answers. */
  local: string;
  /** Through a proxy that it trusts: requests bear {@link fromAddress}. */
  proxied: string;
  stop(): Promise<void>;
}

/** Somebody with an account, and a device that has logged in to it. */
export interface Person {
  email: string;
  password: string;
  address: string;
  device: string;
}

export async function startSite(): Promise<Site> {
  const starling = await startStarlingProcess(['--trusted-proxies', '127.0.0.1']);
  const { port } = new URL(starling.url);
  return { local: `http://[::1]:${port}`, proxied: `http://127.0.0.1:${port}`, stop: () => starling.remove() };
}

/** The headers by which a trusted proxy says who is behind it. */
export function fromAddress(address: string): Record<string, string> {
  return { 'x-forwarded-for': address, 'x-forwarded-proto': 'https' };
}

/** An address of its own for each of 65,536 indexes in each of the blocks 0 … 255. */
export function addressOf(block: number, index: number): string {
  return `10.${block}.${index >> 8}.${index & 0xff}`;
}

export async function makePeople(site: Site, count: number): Promise<Person[]> {
  const people: Person[] = [];
  while (people.length < count) {
    const email = `${v7()}@example.org`;
    await signUpAt(site.local, { email, password: PASSWORD, name: 'Somebody' });
    const reply = await post(`${site.local}/v1/token`, { email, password: PASSWORD });
    const device = reply.headers.get('starling-device');
    if (!reply.ok || device === null) throw new Error(`/v1/token was answered ${reply.status} and without a device`);
    people.push({ email, password: PASSWORD, device, address: addressOf(255, people.length) });
  }
  return people;
}

/** Logs in as a browser does, at the device that is known or at a new one; resolves with the status. */
export async function logIn(site: Site, { email, password, address, device }: Person, at: 'known' | 'new'): Promise<number> {
  const headers = { ...fromAddress(address), ...(at === 'known' ? { 'starling-device': device } : {}) };
  const reply = await post(`${site.proxied}/v1/sessions`, { email, password }, headers);
  return reply.status;
}

/** Resolves when the whole answer is there, so that its connection can be used again. */
export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  await reply.arrayBuffer();
  return reply;
}
