import { type Problem, type ProblemName, problemName, renderProblem } from '@starling/contracts/problems';

/** Thrown where a request ends; the server renders it as problem+json, the socket as a `nack`. */
export class ProblemError extends Error {
  override name = 'ProblemError';
  readonly problemName: ProblemName;
  readonly problem: Problem;

  constructor(name: ProblemName, extra: Parameters<typeof renderProblem>[1] = {}) {
    super(extra.detail ?? name);
    this.problemName = name;
    this.problem = renderProblem(name, extra);
  }

  /** Throws on a problem that was rendered elsewhere. */
  static from({ detail, errors, retryAfter, ...problem }: Problem): ProblemError {
    return new ProblemError(problemName(problem), {
      ...(detail === undefined ? {} : { detail }),
      ...(errors === undefined ? {} : { errors }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    });
  }
}
