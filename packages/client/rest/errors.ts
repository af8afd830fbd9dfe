import { type Problem, type ProblemName, problemName } from '@starling/contracts/problems';

/** The server answered with an error. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly problem: Problem;
  /** The same request went out before without an answer, and may have been done then. */
  readonly repeated: boolean;

  constructor(problem: Problem, repeated = false) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
    this.repeated = repeated;
  }

  get status(): number {
    return this.problem.status;
  }

  /** The problem's name in the catalogue; `internal` for one that it does not have. */
  get code(): ProblemName {
    return problemName(this.problem);
  }
}

/** No answer came, or none that can be read: it is not known whether the request was done. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}
