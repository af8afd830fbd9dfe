import type { IssuedTokensReply } from '@starling/contracts/http';
import { renderProblem } from '@starling/contracts/problems';
import type { Clock } from '../clock.ts';
import { ApiError } from '../rest/errors.ts';
import type { Reply, Request } from '../rest/request.ts';
import type { LogInCredentials } from './log-in.ts';
import { isUsable, received, type UserToken } from './user-token.ts';

/**
 * The server answers a refresh token that was used with the same successor for 10 s, in case the answer was lost: the
 * third try goes out before these are over.
 */
const REFRESH_TIMEOUT = 4000;

/**
 * The session of a program: it begins with email and password, and is kept by refresh tokens. When the server ends it,
 * the program logs in again, as long as the password alone will do.
 */
export class ProgramSession {
  #credentials: LogInCredentials;
  #request: Request;
  #clock: Clock;
  #token: UserToken | undefined;
  #refreshToken: string | undefined;
  #device: string | null;
  #asking: Promise<UserToken> | undefined;
  /** Why the credentials are no good: asking again with the same would only look like guessing. */
  #refusal: ApiError | undefined;
  #ended = false;

  /** @param device the secret that the server gave an earlier session of this program. */
  constructor(credentials: LogInCredentials, device: string | null, request: Request, clock: Clock) {
    this.#credentials = credentials;
    this.#device = device;
    this.#request = request;
    this.#clock = clock;
  }

  get device(): string | null {
    return this.#device;
  }

  /** A token with some life left, and if `fresh`, one that nobody has had yet. Those who ask at once get the same. */
  async token(fresh: boolean): Promise<UserToken> {
    if (!fresh && isUsable(this.#token, this.#clock)) return this.#token;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** The server did not take this token. */
  rejected(token: string): void {
    if (this.#token?.token === token) this.#token = undefined;
  }

  /** What the next log-in is done with, if there must be one. */
  changeCredentials(change: { email?: string; password?: string }): void {
    this.#credentials = { ...this.#credentials, ...change };
    this.#refusal = undefined;
  }

  /** Ends the session on the server. Throws, and has not ended it, when the server cannot be reached. */
  async end(): Promise<void> {
    this.#ended = true;
    try {
      // A refresh, or another log-in, that is under way brings the refresh token that is to be revoked.
      await this.#asking?.catch(() => {});
      const refreshToken = this.#refreshToken;
      if (refreshToken !== undefined) {
        await this.#request({ method: 'POST', path: '/v1/token/revoke', body: { refreshToken }, repeatable: true });
      }
    } catch (error) {
      this.#ended = false;
      throw error;
    }
    this.#token = undefined;
    this.#refreshToken = undefined;
  }

  async #ask(): Promise<UserToken> {
    if (this.#ended) throw new ApiError(renderProblem('unauthenticated', { detail: 'This session was logged out.' }));
    return (await this.#refresh()) ?? this.#logIn();
  }

  /** Undefined if there is nothing to refresh any more. The refresh token is kept until the server has answered. */
  async #refresh(): Promise<UserToken | undefined> {
    if (this.#refreshToken === undefined) return undefined;
    try {
      const body = { refreshToken: this.#refreshToken };
      return this.#take(
        await this.#request({ method: 'POST', path: '/v1/token/refresh', body, repeatable: true, timeout: REFRESH_TIMEOUT }),
      );
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#token = undefined;
      this.#refreshToken = undefined;
      return undefined;
    }
  }

  async #logIn(): Promise<UserToken> {
    if (this.#refusal) throw this.#refusal;
    const headers = this.#device === null ? {} : { 'starling-device': this.#device };
    const call = { method: 'POST', path: '/v1/token', body: this.#credentials, headers, repeatable: true } as const;
    try {
      const token = this.#take(await this.#request(call));
      // The second factor's code was good once.
      const { email, password } = this.#credentials;
      this.#credentials = { email, password };
      return token;
    } catch (error) {
      if (isRefusal(error)) this.#refusal = error;
      throw error;
    }
  }

  #take(reply: Reply<IssuedTokensReply>): UserToken {
    this.#token = received(reply, this.#clock);
    this.#refreshToken = reply.body.refreshToken;
    this.#device = reply.device ?? this.#device;
    return this.#token;
  }
}

function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 401;
}
