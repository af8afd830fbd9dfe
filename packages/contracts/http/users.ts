import Type from 'typebox';
import { Profile } from '../events/index.ts';
import { DisplayName, Handle, Uuid } from '../schema/index.ts';

const exact = { additionalProperties: false };

/** GET /v1/users?search= — at most 20 whose handle or name begins with it, or whose name has a word that does. */
export const UserSearchQuery = Type.Object({ search: Type.String({ minLength: 1, maxLength: 80, format: 'line' }) }, exact);

/** POST /v1/users/cards — profiles by id; unknown ids are left out. */
export const CardsRequest = Type.Object({ users: Type.Array(Uuid, { minItems: 1, maxItems: 200 }) }, exact);
export type CardsRequest = Type.Static<typeof CardsRequest>;

export const ProfilesReply = Type.Object({ users: Type.Array(Profile) });
export type ProfilesReply = Type.Static<typeof ProfilesReply>;

/** PATCH /v1/users/me */
export const ProfileChange = Type.Object(
  { handle: Type.Optional(Handle), name: Type.Optional(DisplayName) },
  { ...exact, minProperties: 1 },
);
export type ProfileChange = Type.Static<typeof ProfileChange>;
