import type { Figure, Goal } from './scenario.ts';

/** A figure as it is printed, with what follows from it. `met` is null without a goal. */
export interface Judged {
  scenario: string;
  figure: string;
  unit: string;
  ours: number;
  peer: number | null;
  peerName: string | null;
  ratio: number | null;
  goal: string | null;
  met: boolean | null;
}

export function judge(scenario: string, { figure, unit, ours, peer, peerName, goal }: Figure): Judged {
  const ratio = peer === undefined ? null : ours / peer;
  return {
    scenario,
    figure,
    unit,
    ours: round(ours),
    peer: peer === undefined ? null : round(peer),
    peerName: peerName ?? null,
    ratio: ratio === null ? null : round(ratio),
    goal: goal ? describe(goal) : null,
    met: goal ? isMet(goal, ratio ?? ours) : null,
  };
}

export function renderTable(rows: Judged[]): string {
  const header = ['figure', 'unit', 'Starling', 'peer', '', 'ratio', 'goal', ''];
  const cells = rows.map((row) => [
    row.figure,
    row.unit,
    format(row.ours),
    row.peerName ?? '',
    row.peer === null ? '' : format(row.peer),
    row.ratio === null ? '' : row.ratio.toFixed(2),
    row.goal ?? '',
    row.met === null ? '' : row.met ? 'met' : 'MISSED',
  ]);
  const numeric = new Set([2, 4, 5]);
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)));
  const render = (line: string[]) =>
    line
      .map((cell, column) => (numeric.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return [render(header), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.map(render)].join('\n');
}

function describe(goal: Goal): string {
  return 'atLeast' in goal ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`;
}

function isMet(goal: Goal, value: number): boolean {
  return 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost;
}

/** Four significant digits: the rest is noise. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}

function format(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 });
}
