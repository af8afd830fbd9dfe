import { type Logger, pino } from 'pino';

export type { Logger };

/** Fields that never reach a log, wherever an object is logged one or two levels deep. */
const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'set-cookie',
  'sec-websocket-protocol',
  'starling-hop',
  'password',
  'token',
  'body',
  'session',
];

/**
 * The structured logger of a service. `pretty: false` writes JSON lines to standard output. Secrets and message texts
 * are replaced; requests are logged by method, path and status only.
 */
export function createLogger(options: { service: string; level?: string; destination?: NodeJS.WritableStream }): Logger {
  const paths = SECRET_FIELDS.flatMap((field) => [`["${field}"]`, `*["${field}"]`, `*.*["${field}"]`]);
  return pino(
    {
      level: options.level ?? 'info',
      base: { service: options.service },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths, censor: '[redacted]' },
      serializers: {
        req: (request: { method: string; url: string; id: string }) => ({
          method: request.method,
          path: request.url.split('?')[0],
          id: request.id,
        }),
        res: (reply: { statusCode: number }) => ({ status: reply.statusCode }),
      },
    },
    options.destination ?? pino.destination({ fd: 1, sync: false }),
  );
}
