import type { UpstreamService } from '../domain/route-table.ts';

export interface UpstreamRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
}

export interface UpstreamResponse {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** How web reaches the HTTP of the services behind it. */
export interface Upstream {
  /**
   * Resolves with whatever the service answers. Throws a ProblemError: `unavailable` when the request did not get there
   * or changes nothing, `unknown` when it may have been done.
   */
  forward(service: UpstreamService, request: UpstreamRequest): Promise<UpstreamResponse>;
}
