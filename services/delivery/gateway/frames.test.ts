import fc from 'fast-check';
import { v4, v7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { readFrame } from './frames.ts';

const send = { type: 'send', conversation: v4(), client: v7(), body: 'hi' };
const cursor = { epoch: 1, conversations: [0], receipts: [0], users: [0] };
const read = (frame: unknown) => readFrame(JSON.stringify(frame));

describe('what comes over a socket', () => {
  it('is a frame of the protocol', () => {
    const frames = [
      send,
      { ...send, retry: true, after: { conversation: v4(), position: 7 } },
      { ...send, trace: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
      { type: 'resume', cursor },
      { type: 'authenticate', token: 'a.b.c' },
    ];
    for (const frame of frames) expect(read(frame)).toEqual({ is: 'frame', frame });
  });

  it('is a send that can be answered though it is wrong', () => {
    const { conversation, client } = send;
    for (const wrong of [
      { body: '' },
      { body: ' ' },
      { body: 'x'.repeat(40_001) },
      { body: undefined },
      { body: 'a\0b' },
      { extra: 1 },
      { retry: 'yes' },
      { after: {} },
      { trace: 'x' },
      { trace: `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01` },
      { trace: `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01` },
      { trace: `01-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
      { trace: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01\n` },
    ]) {
      expect(read({ ...send, ...wrong })).toEqual({ is: 'bad-send', send: { conversation, client } });
    }
  });

  it('is nothing of the protocol otherwise', () => {
    const wrong = [
      { ...send, conversation: 'x' },
      { ...send, client: v4() },
      { ...send, client: 7 },
      { ...send, type: 'Send' },
      { type: 'resume' },
      { type: 'resume', cursor: { ...cursor, epoch: 2000 } },
      { type: 'resume', cursor, extra: 1 },
      { type: 'authenticate', token: 'x'.repeat(4097) },
      { type: 'authenticate' },
      { type: 'hello', time: 1 },
      {},
      [],
      null,
      'send',
      [send],
    ];
    for (const frame of wrong) expect(read(frame)).toEqual({ is: 'bad' });
    for (const text of ['', '{', 'null', JSON.stringify(send).slice(0, -1), `${JSON.stringify(send)}x`])
      expect(readFrame(text)).toEqual({ is: 'bad' });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue().map((value) => JSON.stringify({ ...send, body: value })),
        ),
        (text) => void readFrame(text),
      ),
    );
  });
});
