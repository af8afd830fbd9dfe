import { describe, expect, it } from 'vitest';
import { matchesLabels, parseLabelSelector } from './label-selector.ts';

const LABELS = { 'app.kubernetes.io/component': 'delivery', tier: 'a', empty: '' };

describe('a label selector', () => {
  it.each([
    ['', true],
    ['app.kubernetes.io/component=delivery', true],
    ['app.kubernetes.io/component==delivery,tier=a', true],
    ['app.kubernetes.io/component=delivery,tier=b', false],
    ['tier!=b', true],
    ['tier!=a', false],
    ['missing!=a', true],
    ['tier in (b, a),empty', true],
    ['tier in (b,c)', false],
    ['tier notin (b,c)', true],
    ['tier notin (a,c)', false],
    ['missing notin (a)', true],
    ['tier', true],
    ['missing', false],
    ['!missing', true],
    ['!tier', false],
    ['empty=', true],
    ['missing=', false],
    ['toString', false],
  ])('%s', (text, expected) => {
    expect(matchesLabels(parseLabelSelector(text) ?? expect.fail('is no selector'), LABELS)).toBe(expected);
  });

  it.each(['=a', 'a=b=c', 'a in b', 'a in (b', 'a,,b', 'a=b c', '!', 'a>1'])('"%s" is none', (text) => {
    expect(parseLabelSelector(text)).toBeUndefined();
  });
});
