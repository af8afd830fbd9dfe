import { followFiles } from '../config/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { parseAuthority, readAuthority } from './read-authority.ts';

/** PEM of an authority or, where it may change, what gives the current one: asked at each new connection. */
export type Authority = string | (() => string);

/** The PEM of an authority now. */
export function currentAuthority(authority: Authority): string {
  return typeof authority === 'string' ? authority : authority();
}

/**
 * Reads the PEM of an authority, and again whenever its file changes; what cannot be read then is logged, and the one
 * from before stays.
 *
 * @param setting as of {@link readAuthority}.
 * @throws ConfigError
 */
export async function openAuthority(
  setting: string,
  options: { file: string; pollMs?: number | undefined; logger: Logger },
): Promise<{ current: () => string; close(): void }> {
  const { file, logger, pollMs } = options;
  let pem = await readAuthority(setting, file);
  const complaint = `the authority of ${setting} has changed and cannot be read; the one from before stays`;
  const follower = await followFiles({ files: [file], logger, pollMs, complaint }, ([text = '']) => {
    const read = parseAuthority(text);
    if (read === undefined) throw new Error(`${file} holds no certificate in PEM`);
    pem = read;
  });
  return { current: () => pem, close: follower.close };
}
