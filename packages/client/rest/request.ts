import { PROBLEMS, type Problem, renderProblem } from '@starling/contracts/problems';
import { backoff, type Clock } from '../clock.ts';
import { ApiError, NetworkError } from './errors.ts';

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the root, with its query. */
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** To send it again does nothing more than to send it once. Without an answer it is tried up to three times. */
  repeatable?: boolean;
  /** How long one try waits for the answer, ms; 20 s if nothing is said. */
  timeout?: number;
}

export interface Reply<T> {
  body: T;
  /** The server's clock when it answered, ms (to the second); null when it did not tell. */
  serverTime: number | null;
  /** The secret by which the server knows this device at the next log-in; null when it gave none. */
  device: string | null;
}

/** Throws an ApiError for an answer that is an error, a NetworkError when there is none. */
export type Request = <T>(call: Call) => Promise<Reply<T>>;

export interface RequestOptions {
  baseUrl: string;
  fetch: typeof fetch;
  clock: Clock;
  random: () => number;
  /** Whether the browser's cookies go along. */
  credentials: 'same-origin' | 'omit';
}

const TRIES = 3;
const TIMEOUT = 20_000;

export function createRequest(options: RequestOptions): Request {
  const { clock, random } = options;
  return async <T>(call: Call): Promise<Reply<T>> => {
    let unanswered = false;
    for (let failures = 0; ; failures++) {
      try {
        return await attempt<T>(call, options);
      } catch (error) {
        const again = call.repeatable && failures + 1 < TRIES && isTransient(error);
        if (!again) throw unanswered && error instanceof ApiError ? new ApiError(error.problem, true) : error;
        if (error instanceof NetworkError || (error instanceof ApiError && error.code === 'unknown')) unanswered = true;
        const asked = error instanceof ApiError ? (error.problem.retryAfter ?? 0) * 1000 : 0;
        await new Promise<void>((resolve) => clock.after(Math.max(asked, backoff(failures, random)), resolve));
      }
    }
  };
}

/** 429 is not: whoever asks so often shall hear of it. */
function isTransient(error: unknown): boolean {
  if (error instanceof NetworkError) return true;
  return error instanceof ApiError && error.status !== 429 && PROBLEMS[error.code].retry && (error.problem.retryAfter ?? 0) <= 5;
}

async function attempt<T>(call: Call, { baseUrl, fetch, clock, credentials }: RequestOptions): Promise<Reply<T>> {
  const abort = new AbortController();
  const { timeout = TIMEOUT } = call;
  const disarm = clock.after(timeout, () => abort.abort());
  try {
    const headers: Record<string, string> = { accept: 'application/json', 'x-starling-request': '1', ...call.headers };
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    const body = call.body === undefined ? null : JSON.stringify(call.body);
    const response = await fetch(baseUrl + call.path, { method: call.method, headers, body, credentials, signal: abort.signal });
    if (!response.ok) throw new ApiError(await readProblem(response));
    const text = await response.text();
    const date = Date.parse(response.headers.get('date') ?? '');
    return {
      body: (text === '' ? undefined : JSON.parse(text)) as T,
      serverTime: Number.isNaN(date) ? null : date,
      device: response.headers.get('starling-device'),
    };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const why = abort.signal.aborted ? `did not answer within ${timeout / 1000} s` : 'cannot be reached';
    throw new NetworkError(`The server ${why}. Check the connection and try again.`, error);
  } finally {
    disarm();
  }
}

async function readProblem(response: Response): Promise<Problem> {
  const problem = await response.json().catch(() => undefined);
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const asked = Number.isFinite(seconds) ? { retryAfter: seconds } : {};
  if (isProblem(problem)) return { ...asked, ...problem };
  // A proxy in between answers in its own words: only its status is of use.
  const name = response.status === 429 ? 'rate-limited' : response.status >= 502 ? 'unavailable' : 'internal';
  return { ...renderProblem(name, asked), status: response.status };
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== 'object' || value === null) return false;
  const { type, title, status } = value as Partial<Problem>;
  return typeof type === 'string' && typeof title === 'string' && typeof status === 'number';
}
