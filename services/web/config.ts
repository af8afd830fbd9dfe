import { fileURLToPath } from 'node:url';
import Type from 'typebox';

export const WebConfig = Type.Object({
  /** The folder with the built browser client. */
  client: Type.String({ minLength: 1, default: fileURLToPath(new URL('./browser/dist', import.meta.url)) }),
});
export type WebConfig = Type.Static<typeof WebConfig>;
