import Type from 'typebox';

export const Uuid = Type.String({ format: 'uuid' });

/** A client's id of one send: a UUIDv7, whose time the server can compare with its window. */
export const ClientId = Type.String({ format: 'uuid-v7' });

export const PositionSchema = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** Milliseconds since 1970 (UTC), given by the log. */
export const Timestamp = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const Revision = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

export const MessageBody = Type.String({ minLength: 1, maxLength: 40_000, format: 'message-body' });

/** A person's or a group's name as it is shown. */
export const DisplayName = Type.String({ minLength: 1, maxLength: 80, format: 'line' });

/** A user's unique name, without its @: lower case letters, digits, dots, dashes, underscores. */
export const Handle = Type.String({ minLength: 1, maxLength: 32, format: 'handle' });

const Offsets = Type.Array(Type.Integer({ minimum: 0, maximum: 2 ** 43 }), { minItems: 1, maxItems: 1024 });

export const CursorSchema = Type.Object(
  { epoch: Type.Integer({ minimum: 0, maximum: 1023 }), conversations: Offsets, receipts: Offsets, users: Offsets },
  { additionalProperties: false },
);
