import Type from 'typebox';

/** A problem as it is sent. `errors` name what is wrong by JSON Pointer (RFC 6901). */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.Optional(Type.String()),
  errors: Type.Optional(Type.Array(Type.Object({ pointer: Type.String(), detail: Type.String() }))),
  retryAfter: Type.Optional(Type.Number({ description: 'seconds' })),
});
export type Problem = Type.Static<typeof Problem>;
