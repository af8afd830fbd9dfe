/**
 * A file of a tree made to be complained about. A line of the tool's report that names both the file and the word must exist for every word
 * `reported`, and must not exist for any word `allowed`: violations that must be seen, and what is close to one but right.
 */
export interface Seed {
  file: string;
  text: string;
  reported?: string[];
  allowed?: string[];
}

/** A tool's answer about one tree: the report as a person reads it, and whether the tree fails. */
export interface Reading {
  report: string;
  failed: boolean;
}

export interface Tool {
  name: string;
  /** The configuration at the root of the tree, which the seeded tree gets as it is. */
  settings: string[];
  seeds: Seed[];
  /** The path of the command from node_modules/.bin, most often its name, and its options, for a run in `folder`, the root of a tree. */
  command(folder: string): [name: string, ...options: string[]];
  /** Turns what the command printed into a reading; without it, what it printed and its exit code are the reading. */
  read?(printed: string, code: number, folder: string): Reading;
}

/** What the report lacks, or has too much, by the seeds: a sentence each, without its subject, the tool. */
export function findBrokenSeeds(seeds: Seed[], report: string): string[] {
  const lines = report.split('\n');
  return seeds.flatMap(({ file, reported = [], allowed = [] }) => {
    const find = (word: string) => lines.find((line) => line.includes(file) && line.includes(word));
    const missed = reported.filter((word) => find(word) === undefined);
    const wronged = allowed.filter((word) => find(word) !== undefined);
    return [
      ...missed.map((word) => `does not report "${word}" of the seeded ${file}`),
      ...wronged.map((word) => `reports what is allowed in the seeded ${file}: ${find(word)?.trim()}`),
    ];
  });
}
