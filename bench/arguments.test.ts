import { describe, expect, it } from 'vitest';
import { readRequest, usage } from './arguments.ts';
import type { Scenario } from './scenario.ts';

const scenarios: Scenario[] = [
  { name: 'one', summary: 'the first', options: { size: { describe: 'how large', default: '7' } }, run: async () => [] },
  { name: 'two', summary: 'the second', options: {}, run: async () => [] },
];

describe('the command line', () => {
  it('names a scenario and its options, which have defaults', () => {
    expect(readRequest(['one', '--json', '--size', '9'], scenarios)).toMatchObject({ json: true, quick: false, options: { size: '9' } });
    expect(readRequest(['one', '--quick'], scenarios)).toMatchObject({ json: false, quick: true, options: { size: '7' } });
  });

  it('asks for help', () => {
    expect(readRequest(['--help'], scenarios)).toBeUndefined();
    for (const text of ['one', 'the second', '--size', 'how large', '--quick', '--json']) expect(usage(scenarios)).toContain(text);
  });

  it.each([
    [[], 'name a scenario first; there is: one, two'],
    [['three'], 'there is no scenario "three"; there is: one, two'],
    [['two', '--size', '9'], "Unknown option '--size'; two takes: --json, --quick"],
    [['one', '--size'], 'one takes: --json, --quick, --size'],
    [['one', 'two'], 'one takes: --json, --quick, --size'],
  ])('says what there is to %j', (argv, sentence) => {
    expect(() => readRequest(argv, scenarios)).toThrow(sentence);
  });
});
