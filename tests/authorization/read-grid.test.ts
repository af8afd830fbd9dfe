import { expect, test } from 'vitest';
import { findDifferences, operationsOf, readGrid } from './read-grid.ts';

const HEAD = '            nobody  member';

test('a grid is read with its headings passed over, and its cases under their operation', () => {
  const grid = readGrid(`${HEAD}\n# a heading\nPOST /b | c  401     ok\nPOST /b      ok      404\nGET /a       no      403\n`);
  expect(grid.columns).toEqual(['nobody', 'member']);
  expect(grid.rows.get('POST /b | c')?.get('member')).toBe('ok');
  expect(operationsOf(grid)).toEqual(['GET /a', 'POST /b']);
});

test.each([['GET /a  ok'], ['GET /a  ok  ok  ok'], ['GET /a'], ['GET /a  ok  maybe'], ['GET /a  ok  ok\nGET /a  ok  ok']])(
  'a grid with %j is not taken: a cell is left out, is none, or stands there twice',
  (lines) => {
    expect(() => readGrid(`${HEAD}\n${lines}`)).toThrow('the line GET /a');
  },
);

test('every cell that comes out otherwise is named', async () => {
  const grid = readGrid(`${HEAD}\nGET /a  ok  401\nGET /b  403  ok`);
  expect(await findDifferences(grid, async () => 'ok')).toEqual([
    'GET /a, as member: ok instead of 401',
    'GET /b, as nobody: ok instead of 403',
  ]);
});
