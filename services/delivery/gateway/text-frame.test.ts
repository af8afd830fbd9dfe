import { waitFor } from '@starling/testing/wait-for';
import { expect, test } from 'vitest';
import { openSocketPair } from './test-sockets.ts';
import { encodeTextFrame } from './text-frame.ts';

test('a frame is what a WebSocket client reads as that text, at every length of its header', async () => {
  const pair = await openSocketPair();
  try {
    const texts = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000].map((length) => 'x'.repeat(length));
    texts.push('ü'.repeat(62), 'ü'.repeat(63), '☀️ 𝄞 名前', '€'.repeat(21_845), `${'€'.repeat(21_845)}x`, '\0');
    for (const text of texts) pair.stream.write(encodeTextFrame(text));
    await waitFor(() => pair.received.messages.length === texts.length || pair.received.closed);
    expect(pair.received.closed).toBeUndefined();
    expect(pair.received.messages.map((message) => message.length)).toEqual(texts.map((text) => text.length));
    expect(pair.received.messages).toEqual(texts);
  } finally {
    await pair.close();
  }
});

test('a frame has the shortest header, and no byte of what was in memory before', () => {
  expect([...encodeTextFrame('')]).toEqual([0x81, 0]);
  expect([...encodeTextFrame('hi')]).toEqual([0x81, 2, 104, 105]);
  expect([...encodeTextFrame('x'.repeat(126)).subarray(0, 4)]).toEqual([0x81, 126, 0, 126]);
  expect([...encodeTextFrame('x'.repeat(65_535)).subarray(0, 4)]).toEqual([0x81, 126, 255, 255]);
  expect([...encodeTextFrame('x'.repeat(65_536)).subarray(0, 10)]).toEqual([0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
  // A lone surrogate is written as the replacement character, of three bytes.
  expect(encodeTextFrame('\ud800')).toEqual(encodeTextFrame('\ufffd'));
});
