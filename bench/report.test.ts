import { describe, expect, it } from 'vitest';
import { judge, renderTable } from './report.ts';

const beside = { figure: 'speed', unit: '1/s', ours: 1_000_000, peer: 100_000, peerName: 'other' };
const alone = { figure: 'time', unit: 'ms', ours: 12.345678, peer: undefined, peerName: undefined };

describe('a figure', () => {
  it('beside a peer is judged by its ratio', () => {
    expect(judge('s', { ...beside, goal: { atLeast: 10 } })).toMatchObject({ ratio: 10, goal: '>= 10', met: true });
    expect(judge('s', { ...beside, goal: { atLeast: 10.1 } })).toMatchObject({ met: false });
    expect(judge('s', { ...beside, goal: { atMost: 9 } })).toMatchObject({ goal: '<= 9', met: false });
  });

  it('alone is judged by itself', () => {
    expect(judge('s', { ...alone, goal: { atMost: 13 } })).toMatchObject({ ours: 12.35, peer: null, ratio: null, met: true });
  });

  it('is not rounded before it is judged', () => {
    expect(judge('s', { ...beside, ours: 999_990, goal: { atLeast: 10 } })).toMatchObject({ ratio: 10, met: false });
  });

  it('without a goal is not judged', () => {
    expect(judge('s', beside)).toMatchObject({ goal: null, met: null });
  });
});

it('a table has a line for each figure, and says what was missed', () => {
  const lines = renderTable([judge('s', { ...beside, goal: { atLeast: 11 } }), judge('s', alone)]).split('\n');
  expect(lines).toHaveLength(4);
  expect(lines[2]).toMatch(/^speed +1\/s +1,000,000 +other +100,000 +10\.00 +>= 11 +MISSED$/);
  expect(lines[3]).toMatch(/^time +ms +12\.35$/);
});
