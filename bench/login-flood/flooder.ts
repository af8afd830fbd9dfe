import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { v7 } from 'uuid';
import { addressOf, fromAddress } from '../site.ts';

/** Wrong passwords against one account from many addresses, or one each against many accounts. */
export type FloodKind = 'one account' | 'many accounts, one address' | 'many accounts and addresses';

/** What the thread is given. */
export interface FloodOrder {
  /** Where Starling trusts a proxy. */
  origin: string;
  kind: FloodKind;
  /** Wrong passwords a flood; another flood, of others, begins when it is over. */
  guesses: number;
  /** Guesses that wait for an answer at one time. */
  atOnce: number;
}

/** How often each status was answered since the flood began. */
export type FloodAnswers = Record<string, number>;

/** Addresses of floods; each takes its own. */
const ADDRESSES = 250;

const { origin, kind, guesses, atOnce } = workerData as FloodOrder;
const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
const answers: FloodAnswers = {};
let made = 0;

/** Who is guessed at, and from where, by the number of the guess since the beginning. */
function aim(guess: number): { email: string; address: string } {
  const flood = Math.floor(guess / guesses);
  if (kind === 'one account') return { email: `victim-${run}-${flood}@example.org`, address: addressOf(2, guess % ADDRESSES) };
  const email = `victim-${run}-${guess}@example.org`;
  return { email, address: kind === 'many accounts, one address' ? addressOf(3, flood) : addressOf(4, guess) };
}
const run = v7();

function guessOnce(): Promise<string> {
  const { email, address } = aim(made++);
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

let ending = false;
async function guessOn(): Promise<void> {
  while (!ending) {
    const answer = await guessOnce();
    answers[answer] = (answers[answer] ?? 0) + 1;
  }
}

parentPort?.once('message', () => {
  ending = true;
});
await Promise.all(Array.from({ length: atOnce }, guessOn));
agent.destroy();
parentPort?.postMessage(answers);
