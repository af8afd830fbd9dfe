import Type from 'typebox';
import { DisplayName, Timestamp, Uuid } from '../schema/index.ts';

const exact = { additionalProperties: false };
const Email = Type.String({ minLength: 3, maxLength: 254, format: 'email' });
const Password = Type.String({ minLength: 10, maxLength: 128, format: 'text' });

/** POST /v1/accounts */
export const SignUpRequest = Type.Object({ email: Email, password: Password, name: DisplayName }, exact);
export type SignUpRequest = Type.Static<typeof SignUpRequest>;

/** POST /v1/sessions, POST /v1/token */
export const LogInRequest = Type.Object({ email: Email, password: Type.String({ minLength: 1, maxLength: 128, format: 'text' }) }, exact);
export type LogInRequest = Type.Static<typeof LogInRequest>;

/** What a browser is told of its session; the session's token itself is in a cookie that scripts cannot read. */
export const SessionReply = Type.Object({ user: Uuid });
export type SessionReply = Type.Static<typeof SessionReply>;

/** A user token, as JWT, and when it expires (ms). */
export const TokenReply = Type.Object({ user: Uuid, token: Type.String(), expiresAt: Timestamp });
export type TokenReply = Type.Static<typeof TokenReply>;
