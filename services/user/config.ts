import Type from 'typebox';

export const UserConfig = Type.Object({});
export type UserConfig = Type.Static<typeof UserConfig>;
