import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { dependencySeeds } from './dependency-seeds.ts';
import type { Reading, Tool } from './tool.ts';

const parts = ['packages', 'services', 'standalone', 'processes', 'tests', 'bench', 'tools', 'cdk8s', 'operator'];

/** The part of the report, as the tool prints it as JSON, that is read here. */
export interface Cruise {
  modules: { source: string }[];
  summary: {
    violations: { from: string; to: string; rule: { name: string }; comment?: string; cycle?: { name: string }[] }[];
    ruleSetUsed: { forbidden: { name: string; comment?: string }[] };
  };
}

export const dependencyCruiser: Tool = {
  name: 'dependency-cruiser',
  settings: ['.dependency-cruiser.mjs'],
  seeds: dependencySeeds,
  command: (folder) => [
    'depcruise',
    '--config=.dependency-cruiser.mjs',
    '--output-type=json',
    ...parts.filter((part) => existsSync(join(folder, part))),
  ],
  read(printed, code, folder) {
    if (code !== 0) return { report: printed.trim(), failed: true };
    return readCruise(JSON.parse(printed) as Cruise, findSources(folder));
  },
};

/** A tree passes if it has no violation and the tool has seen every source: what it does not see, it does not judge. */
export function readCruise({ modules, summary }: Cruise, sources: string[]): Reading {
  const seen = new Set(modules.map(({ source }) => source));
  const unseen = sources.filter((source) => !seen.has(source));
  const comments = new Map(summary.ruleSetUsed.forbidden.map(({ name, comment }) => [name, comment]));
  const complaints = [
    ...summary.violations.map(({ from, to, rule, cycle }) => {
      const path = cycle === undefined ? [to] : cycle.map(({ name }) => name);
      return `${[from, ...path].join(' → ')}  ${rule.name}: ${comments.get(rule.name)}`;
    }),
    ...unseen.map((source) => `${source}  was not read: no rule was applied to it`),
  ];
  if (sources.length === 0) complaints.push(`No sources found in ${parts.join(', ')}.`);
  return { report: complaints.join('\n'), failed: complaints.length > 0 };
}

function findSources(folder: string): string[] {
  return parts.flatMap((part) => globSync(`${part}/**/*.{ts,tsx}`, { cwd: folder, exclude: ['**/node_modules', '**/dist', '**/*.d.ts'] }));
}
