import { parseArgs } from 'node:util';
import { BenchError, type Scenario } from './scenario.ts';

/** What the command line asks for. */
export interface Request {
  scenario: Scenario;
  json: boolean;
  quick: boolean;
  options: Record<string, string>;
}

const COMMON = {
  json: 'print one JSON object a line instead of the table',
  quick: 'end within 50 s, at the price of noise',
};

export function usage(scenarios: readonly Scenario[]): string {
  const lines = ['Usage: npm run bench -- <scenario> [options]', ''];
  for (const { name, summary, options } of scenarios) {
    lines.push(`  ${name.padEnd(18)} ${summary}`);
    for (const [option, { describe, default: value }] of Object.entries(options))
      lines.push(`    ${`--${option}`.padEnd(16)} ${describe} (default: ${value || 'all'})`);
  }
  lines.push('', ...Object.entries(COMMON).map(([name, describe]) => `  ${`--${name}`.padEnd(18)} ${describe}`));
  return lines.join('\n');
}

/** Reads the command line; undefined: help was asked for. Throws a {@link BenchError} that says what there is. */
export function readRequest(argv: string[], scenarios: readonly Scenario[]): Request | undefined {
  if (argv.includes('--help') || argv.includes('-h')) return undefined;
  const known = scenarios.map(({ name }) => name).join(', ');
  const [name, ...rest] = argv;
  if (!name || name.startsWith('-')) throw new BenchError(`name a scenario first; there is: ${known}`);
  const scenario = scenarios.find((candidate) => candidate.name === name);
  if (!scenario) throw new BenchError(`there is no scenario "${name}"; there is: ${known}`);
  const own = Object.keys(scenario.options);
  try {
    const { values } = parseArgs({
      args: rest,
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        ...Object.fromEntries(own.map((option) => [option, { type: 'string' as const, default: scenario.options[option]?.default ?? '' }])),
      },
    });
    const { json, quick, ...options } = values as Record<string, string> & { json: boolean; quick: boolean };
    return { scenario, json, quick, options };
  } catch (error) {
    const flags = [...Object.keys(COMMON), ...own].map((option) => `--${option}`).join(', ');
    throw new BenchError(`${(error as Error).message.split('. ')[0]}; ${name} takes: ${flags}`);
  }
}
