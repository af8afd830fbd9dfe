import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Ajv, type ErrorObject } from 'ajv';
import type { Static, TSchema } from 'typebox';

export { followFiles } from './follow-files.ts';

/** The configuration is wrong; the message names the place and what is expected there, never the value. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads a JSON file, lays `overrides` (flags, by top-level key) over it and checks the result against the schema,
 * once, at start. Numbers and booleans may be given as text. Throws a {@link ConfigError}.
 */
export function loadConfig<T extends TSchema>(
  schema: T,
  source: { file?: string | undefined; overrides?: Record<string, unknown> },
): Static<T> {
  const fromFile = source.file === undefined ? {} : readConfigFile(source.file);
  const given = Object.fromEntries(Object.entries(source.overrides ?? {}).filter(([, value]) => value !== undefined));
  const config = { ...fromFile, ...given };
  const ajv = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true });
  if (!ajv.validate(schema, config)) {
    throw new ConfigError([...new Set(describeAll(ajv.errors ?? [], source.file))].join('; '));
  }
  return config as Static<T>;
}

/**
 * The text of a file that the configuration names, without white space at its ends. Throws a {@link ConfigError}.
 *
 * @param setting names the file's place in the configuration, for the sentence of an error.
 */
export async function readConfiguredFile(setting: string, file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(`the file of ${setting}, ${file}, cannot be read (${code}): check path and permissions`);
  }
}

function readConfigFile(file: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new ConfigError(`${file}: ${missing ? 'there is no such file' : 'this is not JSON that can be read'}`);
  }
  throw new ConfigError(`${file}: the configuration must be a JSON object`);
}

/** The values of a choice are told in one sentence, which Ajv tells in one for each and one more. */
function describeAll(errors: ErrorObject[], file: string | undefined): string[] {
  const choices = errors.filter(({ keyword }) => keyword === 'const');
  return errors
    .filter(({ keyword, instancePath }) => keyword !== 'anyOf' || !choices.some((choice) => choice.instancePath === instancePath))
    .map((error) => {
      if (error.keyword !== 'const') return describe(error, file);
      const values = choices
        .filter(({ instancePath }) => instancePath === error.instancePath)
        .map(({ params }) => String(params['allowedValue']));
      return `${file ?? 'configuration'}${error.instancePath}: must be one of ${values.join(', ')}`;
    });
}

function describe(error: ErrorObject, file: string | undefined): string {
  const unknown = error.keyword === 'additionalProperties' ? `/${String(error.params['additionalProperty'])}` : '';
  return `${file ?? 'configuration'}${error.instancePath}${unknown}: ${unknown ? 'is not a known setting' : (error.message ?? error.keyword)}`;
}
