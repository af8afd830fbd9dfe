import { expect, it } from 'vitest';
import { FrameJoiner } from './frame-joiner.ts';

const [a, b, c] = [Buffer.from('a'), Buffer.from('b'), Buffer.from('c')] as const;

it('the same frames are joined once, whichever list they come in', () => {
  const { join } = new FrameJoiner();
  const joined = join([a, b]);
  expect(joined.toString()).toBe('ab');
  expect(join([a, b])).toBe(joined);
});

it('other frames are joined anew, also where only the order or the length differs', () => {
  const { join } = new FrameJoiner();
  for (const frames of [
    [a, b],
    [b, a],
    [a, b, c],
    [a, b],
    [a, Buffer.from('b'), c],
    [a, c],
  ])
    expect(join(frames).toString()).toBe(frames.map(String).join(''));
});
