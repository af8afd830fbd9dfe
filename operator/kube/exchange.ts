import type { Readable } from 'node:stream';
import type { KubeConnection, KubeRequest, KubeResponse } from './connect.ts';
import { KubeError } from './types.ts';

const MAX_ERROR_BYTES = 64 * 1024;

/** The API's answer of what went wrong, as `Status` objects tell it. */
export interface Status {
  kind?: string;
  message?: string;
  reason?: string;
  code?: number;
  details?: { retryAfterSeconds?: number };
}

/** Resolves with a response that says success, its body unread. Rejects with a {@link KubeError} for all else. */
export async function exchange(connection: KubeConnection, request: KubeRequest): Promise<KubeResponse> {
  let response: KubeResponse;
  try {
    response = await connection.send(request);
  } catch (error) {
    throw noAnswer(request, error);
  }
  if (response.status >= 200 && response.status < 300) return response;
  let status: Status = {};
  try {
    const text = await readText(response.body, MAX_ERROR_BYTES);
    status = parseStatus(text);
  } catch (error) {
    // The status line alone says enough, unless it was our own deadline.
    if (request.signal.aborted) throw noAnswer(request, error);
  }
  throw errorOf(request, { ...status, code: response.status }, parseRetryAfter(response.header('retry-after')));
}

export class AnswerTooLong extends Error {}

/** Never quotes what it cannot parse: it may be a Secret. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the answer is not JSON');
  }
}

/** Reads all of it; rejects with {@link AnswerTooLong} past so many bytes. */
export async function readText(body: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      body.destroy();
      throw new AnswerTooLong(`the answer is longer than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** `request` names what was asked, without values. */
export function errorOf(request: { method: string; path: string }, status: Status, retryAfterMs?: number): KubeError {
  const { code = 500, reason = '', message } = status;
  const seconds = status.details?.retryAfterSeconds;
  return new KubeError(`${describe(request)} was answered ${code}${reason && ` ${reason}`}: ${message ?? 'no reason given'}`, {
    status: code,
    reason,
    retryAfterMs: retryAfterMs ?? (seconds ? seconds * 1000 : undefined),
  });
}

export function noAnswer(request: { method: string; path: string }, error: unknown): KubeError {
  if (error instanceof KubeError) return error;
  return new KubeError(`${describe(request)} got no answer: ${messageOf(error)}`, { status: 0, reason: '' });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function describe({ method, path }: { method: string; path: string }): string {
  return `${method} ${path.split('?')[0]}`;
}

function parseStatus(text: string): Status {
  const parsed = parseJson(text);
  return typeof parsed === 'object' && parsed !== null && (parsed as Status).kind === 'Status' ? (parsed as Status) : {};
}

function parseRetryAfter(header: string | undefined): number | undefined {
  const seconds = header === undefined ? Number.NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
