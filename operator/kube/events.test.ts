import { beforeEach, describe, expect, it } from 'vitest';
import { createEventRecorder, type EventRecorder, type EventText } from './events.ts';
import { ManualTime } from './test-time.ts';
import { type KubeClient, KubeError, type KubeObject } from './types.ts';

let time: ManualTime;
let written: { note: string; metadata: { name: string; namespace: string } }[] = [];
let dropped: string[] = [];
let answer: () => void = () => {};
let recorder: EventRecorder;
beforeEach(() => {
  time = new ManualTime();
  written = [];
  dropped = [];
  answer = () => {};
  recorder = createEventRecorder({
    client: {
      async create(manifest: (typeof written)[number]) {
        answer();
        written.push(manifest);
      },
    } as unknown as KubeClient,
    controller: 'starling.chat/operator',
    instance: 'pod',
    time,
    onDrop: (reason) => dropped.push(reason),
  });
});

const object = (uid: string) =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'n', uid, resourceVersion: '1' } }) as KubeObject;
const event = (note: string): EventText => ({ type: 'Normal', reason: 'Did', action: 'Do', note });

describe('Events', () => {
  it('are written once an hour if they say the same of the same object', async () => {
    recorder.record(object('a'), event('one'));
    recorder.record(object('a'), event('one'));
    recorder.record(object('a'), event('two'));
    recorder.record(object('b'), event('one'));
    await recorder.settled();
    expect(written.map(({ note }) => note)).toEqual(['one', 'two', 'one']);
    await time.advance(3_600_000);
    recorder.record(object('a'), event('one'));
    await recorder.settled();
    expect(written).toHaveLength(4);
  });

  it('are so many of one object, and more with time', async () => {
    for (let number = 0; number < 40; number += 1) recorder.record(object('a'), event(`${number}`));
    recorder.record(object('b'), event('of another'));
    await recorder.settled();
    expect(written).toHaveLength(26);
    expect(dropped).toHaveLength(15);
    await time.advance(120_000);
    for (let number = 0; number < 5; number += 1) recorder.record(object('a'), event(`later ${number}`));
    await recorder.settled();
    expect(written).toHaveLength(28);
  });

  it('are tried again if the API fails, and given up if it refuses', async () => {
    let failures = 2;
    answer = () => {
      if (failures > 0) {
        failures -= 1;
        throw new KubeError('no answer', { status: 0, reason: '' });
      }
    };
    recorder.record(object('a'), event('one'));
    await time.advance(10_000);
    await recorder.settled();
    expect(written).toHaveLength(1);
    answer = () => {
      throw new KubeError('refused', { status: 403, reason: 'Forbidden' });
    };
    recorder.record(object('a'), event('two'));
    await recorder.settled();
    expect(written).toHaveLength(1);
    expect(dropped).toEqual(['refused']);
  });

  it('have a note that the API takes', async () => {
    recorder.record(object('a'), event('x'.repeat(2_000)));
    await recorder.settled();
    expect(written[0]?.note).toHaveLength(1_024);
    expect(written[0]?.metadata.namespace).toBe('n');
  });
});
