import { expect, test } from 'vitest';
import { parsePostmaster } from './postmaster.ts';

test('reads the file of a ready server', () => {
  const text = '4711\n/data/postgres\n1750000000\n40001\n\n127.0.0.1\n  1234 5\nready   \n';
  expect(parsePostmaster(text)).toEqual({ pid: 4711, port: 40001, status: 'ready' });
});

test('reads a file that is only begun', () => {
  expect(parsePostmaster('4711\n/data/postgres\n')).toEqual({ pid: 4711, port: 0, status: '' });
});

test.each([undefined, '', '\n', 'x\n', '-4711\n', '0\n'])('finds no server in %j', (text) => {
  expect(parsePostmaster(text)).toBeUndefined();
});
