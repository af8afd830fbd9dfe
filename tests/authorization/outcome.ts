import { Code, ConnectError } from '@connectrpc/connect';

/** What is no answer to "may I": the test itself asked wrongly, or something does not work. */
const FAULTS = new Set([
  'invalid-request',
  'not-same-origin',
  'https-required',
  'method-not-allowed',
  'unsupported-media-type',
  'too-large',
  'internal',
  'unavailable',
  'behind',
  'unknown',
]);
const REFUSALS: Record<string, string> = { unauthenticated: '401', forbidden: '403', 'not-found': '404' };

/** The cell for a problem, by its name or its `urn:`; a fault of the test is shown by its name. */
export function outcomeOfProblem(problem: string): string {
  const name = problem.replace(/^urn:starling:problem:/, '');
  return REFUSALS[name] ?? (FAULTS.has(name) ? name : 'ok');
}

/** The cell for an answer over HTTP. */
export function outcomeOfAnswer({ statusCode, body }: { statusCode: number; body: string }): string {
  if (statusCode < 400) return 'ok';
  return outcomeOfProblem((JSON.parse(body) as { type: string }).type);
}

/** The cell for a call between services. */
export async function outcomeOfCall(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return 'ok';
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const problem = error.metadata.get('starling-problem');
    if (problem !== null) return outcomeOfProblem(problem).replace(/^40[13]$/, 'no');
    return [Code.Unauthenticated, Code.PermissionDenied].includes(error.code) ? 'no' : Code[error.code];
  }
}
