import type { Profile } from '@starling/contracts/events';
import type { ConversationSnapshot, Message } from '@starling/contracts/http';
import type { Problem } from '@starling/contracts/problems';

/**
 * - `stopped`: not started.
 * - `connecting`: a token, a snapshot or the socket is awaited.
 * - `catching-up`: what was missed comes in.
 * - `live`: events arrive as they happen.
 * - `waiting`: the connection was lost; it is tried again by itself.
 * - `failed`: it is not tried again; `failure` says why.
 */
export type ConnectionStatus = 'stopped' | 'connecting' | 'catching-up' | 'live' | 'waiting' | 'failed';

/**
 * `logged-out`: log in and start again. `other-user`: so too, for the browser's session is somebody else's by now.
 * `refused`: the server will not take this client; `message` says why.
 */
export interface Failure {
  kind: 'logged-out' | 'other-user' | 'refused';
  message: string;
}

/**
 * The newest messages of a conversation, without a hole, by ascending position; new ones are added as they arrive.
 * `more`: there are older ones. `load`: the newest page is on its way (`loading`; messages, if any, are from before),
 * or could not be loaded (`failed`).
 */
export interface MessageRange {
  readonly messages: readonly Message[];
  readonly more: boolean;
  readonly load: 'loading' | 'ready' | 'failed';
  readonly loadingOlder: boolean;
  /** Why it could not be loaded. */
  readonly error: Error | null;
  /** What arrived while the newest page was on its way: joined to it when it comes. */
  readonly arrived: readonly Message[];
}

/**
 * A message of one's own that is not among the messages yet, in the order of sending.
 * - `sending`: waits for the connection, its turn or the answer.
 * - `unknown`: it may have been stored or not; it is sent again under the same id until that is known.
 * - `sent`: stored; its place among the messages arrives in a moment.
 * - `refused`: not stored and never will be; `problem` says why.
 */
export interface PendingSend {
  readonly client: string;
  readonly body: string;
  /** When it was written, ms, by the server's clock. */
  readonly at: number;
  readonly state: 'sending' | 'unknown' | 'sent' | 'refused';
  readonly problem: Problem | null;
  /** It is in the storage, so that it outlives this client. */
  readonly isKept: boolean;
}

/** All that a client shows. Never changed in place: a part that is the same object is unchanged. */
export interface State {
  readonly connection: ConnectionStatus;
  readonly failure: Failure | null;
  /** The id of the user who is logged in, once known. */
  readonly user: string | null;
  /** The list of conversations is complete. */
  readonly loaded: boolean;
  /** By last activity, newest first. Participants who left are kept with `present: false`. */
  readonly conversations: readonly ConversationSnapshot[];
  /** Of conversations that were opened. */
  readonly ranges: ReadonlyMap<string, MessageRange>;
  readonly sends: ReadonlyMap<string, readonly PendingSend[]>;
  readonly profiles: ReadonlyMap<string, Profile>;
  /** Up to which position the messages of a conversation have been shown here; nothing of a conversation that is not in it. */
  readonly seen: ReadonlyMap<string, number>;
}

export const INITIAL_STATE: State = {
  connection: 'stopped',
  failure: null,
  user: null,
  loaded: false,
  conversations: [],
  ranges: new Map(),
  sends: new Map(),
  profiles: new Map(),
  seen: new Map(),
};
