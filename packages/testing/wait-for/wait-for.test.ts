import { expect, test } from 'vitest';
import { waitFor } from './index.ts';

test('returns the first value that holds', async () => {
  let calls = 0;
  expect(await waitFor(() => (++calls > 3 ? `call ${calls}` : undefined))).toBe('call 4');
});

test('a condition that throws does not hold yet', async () => {
  let calls = 0;
  const condition = async () => {
    if (++calls < 3) throw new Error('not yet');
    return true;
  };
  expect(await waitFor(condition)).toBe(true);
});

test('says what was awaited and the last value', async () => {
  await expect(waitFor(() => 0, { deadline: 30, describe: 'a number of birds' })).rejects.toThrow(
    'Waited 30 ms in vain for: a number of birds; the last value was 0',
  );
});

test('says the last error', async () => {
  const condition = () => {
    throw new Error('no nest');
  };
  await expect(waitFor(condition, { deadline: 30, describe: 'a bird' })).rejects.toThrow(/a bird; the last error was Error: no nest/);
});

test('a condition that never answers ends at the deadline too', async () => {
  await expect(waitFor(() => new Promise(() => undefined), { deadline: 30, describe: 'silence' })).rejects.toThrow(
    /silence; it never answered/,
  );
});
