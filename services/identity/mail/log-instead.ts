import type { Logger } from '@starling/platform/telemetry';
import type { Send } from './transport.ts';

/** Where there is no mail server: what a person waits for is in the log, for whoever runs the server to pass on. */
export function createLogInstead(logger: Logger): Send {
  return async ({ letter }) => {
    if (letter.instead !== undefined) logger.info(letter.instead);
    return 'sent';
  };
}
