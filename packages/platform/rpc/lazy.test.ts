import type { Transport } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { lazyTransport } from './lazy.ts';

test('a lazy transport is opened at its first call, once', async () => {
  const calls: string[] = [];
  const transport = lazyTransport(() => {
    calls.push('open');
    return { unary: async () => void calls.push('unary'), stream: async () => void calls.push('stream') } as unknown as Transport;
  });
  expect(calls).toEqual([]);
  await (transport.unary as () => Promise<unknown>)();
  await (transport.stream as () => Promise<unknown>)();
  expect(calls).toEqual(['open', 'unary', 'stream']);
});
