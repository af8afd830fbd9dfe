import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { v7 } from 'uuid';
import { atRate } from '../end-to-end/latencies.ts';
import { addressOf, fromAddress } from '../site.ts';

/** Wrong passwords against one account from many addresses, or one each against many accounts. */
export type FloodKind = 'one account' | 'many accounts, one address' | 'many accounts and addresses';

/** What the thread is given. */
export interface FloodOrder {
  /** Where Starling trusts a proxy. */
  origin: string;
  kind: FloodKind;
  /** Wrong passwords in all. */
  guesses: number;
  /** Guesses a second, whatever becomes of those before. */
  rate: number;
  /** Which flood of its kind this is: each comes from addresses of its own. */
  number: number;
}

/** How often each status was answered. */
export type FloodAnswers = Record<string, number>;

/** From so many is one account guessed at. */
const ADDRESSES = 250;
/** More guesses than these wait for a connection. */
const CONNECTIONS = 256;

const { origin, kind, guesses, rate, number } = workerData as FloodOrder;
const run = v7();
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const answers: FloodAnswers = {};

/** Who is guessed at, and from where. Nobody has these accounts: what is done is the same as if there were. */
function aim(guess: number): { email: string; address: string } {
  if (kind === 'one account') return { email: `${run}@example.org`, address: addressOf(2 + number, guess % ADDRESSES) };
  const email = `${run}-${guess}@example.org`;
  return { email, address: kind === 'many accounts, one address' ? addressOf(100, number) : addressOf(101 + number, guess) };
}

function guessOnce(guess: number): Promise<string> {
  const { email, address } = aim(guess);
  const body = JSON.stringify({ email, password: 'not this password' });
  const headers = { ...fromAddress(address), 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const sent = request(`${origin}/v1/sessions`, { method: 'POST', agent, headers }, (response) => {
      response.resume().once('end', () => resolve(String(response.statusCode)));
    });
    sent.once('error', () => resolve('no answer'));
    sent.end(body);
  });
}

const under: Promise<void>[] = [];
async function guessAndCount(guess: number): Promise<void> {
  const answer = await guessOnce(guess);
  answers[answer] = (answers[answer] ?? 0) + 1;
}
await atRate(rate, guesses / rate, (guess) => under.push(guessAndCount(guess)));
await Promise.all(under);
agent.destroy();
parentPort?.postMessage(answers);
