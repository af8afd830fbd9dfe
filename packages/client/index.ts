export { type Client, type ClientOptions, createClient } from './client.ts';
export type { Clock } from './clock.ts';
export type { Api } from './rest/api.ts';
export { ApiError, NetworkError } from './rest/errors.ts';
export { faultOfBody } from './send-queue/message-body.ts';
export type { Outcome } from './send-queue/send-queue.ts';
export type { Auth } from './session/authority.ts';
export type { SocketLike, WebSocketConstructor } from './sync/socket.ts';
export type { ConnectionStatus, Failure, MessageRange, PendingSend, State } from './sync/state.ts';
