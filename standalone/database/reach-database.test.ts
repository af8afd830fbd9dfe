import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reachDatabase } from './reach-database.ts';

test('a command beside the server makes no folder and no database where there is none', async () => {
  const directory = join(tmpdir(), `starling-mistyped-${process.pid}`);
  await expect(reachDatabase({ directory, say: () => {} })).rejects.toThrow(`There is no database in ${directory}`);
  expect(existsSync(directory)).toBe(false);
});
