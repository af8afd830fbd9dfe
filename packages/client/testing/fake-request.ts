import { type ProblemName, renderProblem } from '@starling/contracts/problems';

export interface FakeRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

export interface FakeReply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export function problem(name: ProblemName, extra: Parameters<typeof renderProblem>[1] = {}): FakeReply {
  const body = renderProblem(name, extra);
  return { status: body.status, body, headers: { 'content-type': 'application/problem+json' } };
}
