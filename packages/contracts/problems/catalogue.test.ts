import Value from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { PROBLEMS, type ProblemName, problemName, renderProblem } from './catalogue.ts';
import { Problem } from './problem.ts';

const names = Object.keys(PROBLEMS) as ProblemName[];

describe('the catalogue of problems', () => {
  it('renders each as its schema has it, and reads it back', () => {
    for (const name of names) {
      const problem = renderProblem(name, { detail: 'why', retryAfter: 1, errors: [{ pointer: '/body', detail: 'x' }] });
      expect(Value.Check(Problem, problem), name).toBe(true);
      expect(problemName(problem)).toBe(name);
    }
    expect(renderProblem('behind')).toEqual({ type: 'urn:starling:problem:behind', title: PROBLEMS.behind.title, status: 503 });
  });

  it('takes what it does not have for an internal one', () => {
    for (const type of [
      '',
      'about:blank',
      'urn:starling:problem:',
      'urn:starling:problem:newer',
      'urn:starling:problem:toString',
      'urn:starling:problem:__proto__',
      'behind',
    ])
      expect(problemName({ type }), type).toBe('internal');
  });

  it('lets a client retry what is the fault of the server or of haste, and nothing else', () => {
    for (const name of names) {
      const { status, retry } = PROBLEMS[name];
      expect([name, retry]).toEqual([name, status >= 500 || status === 429]);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
    }
  });
});
