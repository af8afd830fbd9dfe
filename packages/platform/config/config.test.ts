import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Type from 'typebox';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'starling-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const exact = { additionalProperties: false };
const Config = Type.Object(
  {
    host: Type.String({ minLength: 3, default: '127.0.0.1' }),
    port: Type.Integer({ minimum: 1, maximum: 65_535 }),
    open: Type.Boolean({ default: false }),
    mode: Type.Optional(Type.Union([Type.Literal('dark'), Type.Literal('light')])),
    database: Type.Optional(Type.Object({ url: Type.String({ pattern: '^postgres://' }), pool: Type.Integer({ default: 10 }) }, exact)),
  },
  exact,
);

let files = 0;
function fileOf(content: unknown): string {
  const file = join(directory, `config-${++files}.json`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function messageOf(source: Parameters<typeof loadConfig>[1]): string {
  try {
    loadConfig(Config, source);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return expect.fail('it was taken');
}

describe('the configuration', () => {
  it('is the file with the flags laid over it and defaults beneath', () => {
    const file = fileOf({ port: 80, open: true, database: { url: 'postgres://a' } });
    expect(loadConfig(Config, { file })).toEqual({ host: '127.0.0.1', port: 80, open: true, database: { url: 'postgres://a', pool: 10 } });
    expect(loadConfig(Config, { file, overrides: { port: 81, host: undefined } })).toMatchObject({
      host: '127.0.0.1',
      port: 81,
      open: true,
    });
    expect(loadConfig(Config, { overrides: { port: 81 } })).toEqual({ host: '127.0.0.1', port: 81, open: false });
  });

  it('takes numbers and booleans as text, as flags and variables have them', () => {
    expect(loadConfig(Config, { overrides: { port: '8080', open: 'true' } })).toMatchObject({ port: 8080, open: true });
  });

  it('names every place that is wrong, by file and path, and never the value', () => {
    const file = fileOf({
      host: 'x',
      port: 'secret-1',
      open: 'secret-2',
      colour: 'secret-3',
      mode: 'secret-4',
      database: { url: 'secret-5', 'se/cret': 'secret-6' },
    });
    const message = messageOf({ file });
    for (const place of ['/host', '/port', '/open', '/colour', '/mode', '/database/url']) expect(message).toContain(`${file}${place}: `);
    expect(message).toContain(`${file}/colour: is not a known setting`);
    expect(message).not.toMatch(/secret-\d/);
  });

  it('says what is missing, and where flags are wrong', () => {
    expect(messageOf({ file: fileOf({}) })).toMatch(/config-\d+\.json: must have required property 'port'$/);
    expect(messageOf({ overrides: { port: 'secret-1' } })).toBe('configuration/port: must be integer');
    expect(messageOf({ file: fileOf({ port: 1, database: {} }) })).toMatch(/\/database: must have required property 'url'$/);
  });

  it('says when the file is not there, or is not a JSON object, and quotes nothing of it', () => {
    expect(messageOf({ file: join(directory, 'absent.json') })).toBe(`${join(directory, 'absent.json')}: there is no such file`);
    const broken = fileOf('{"port": secret-1}');
    expect(messageOf({ file: broken })).toBe(`${broken}: this is not JSON that can be read`);
    for (const other of ['[1]', 'null', '"secret-1"', '3']) {
      const file = fileOf(other);
      expect(messageOf({ file })).toBe(`${file}: the configuration must be a JSON object`);
    }
    expect(messageOf({ file: directory })).toContain(directory);
  });
});
