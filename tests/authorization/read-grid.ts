/** What was expected of each operation (a line's name), by column. */
export interface Grid {
  columns: string[];
  rows: Map<string, Map<string, string>>;
}

/**
 * Reads a grid: a line with the columns, then a line an operation, with two blanks or more behind its name; lines that
 * begin with `#` are headings.
 *
 * @throws Error when a cell is left out, or a line stands there twice.
 */
export function readGrid(text: string): Grid {
  const [head = '', ...lines] = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const columns = head.trim().split(/\s+/);
  const rows = new Map<string, Map<string, string>>();
  for (const line of lines) {
    const [name = '', ...rest] = line.split(/\s{2,}/);
    const cells = rest.join(' ').trim().split(/\s+/);
    if (cells.length !== columns.length || !cells.every((cell) => /^(ok|no|40[134])$/.test(cell)))
      throw new Error(`the line ${name} has not one cell for each of ${columns.join(', ')}`);
    if (rows.has(name)) throw new Error(`the line ${name} stands there twice`);
    rows.set(name, new Map(columns.map((column, index) => [column, cells[index] as string])));
  }
  return { columns, rows };
}

/** The operations of a grid, without their cases. */
export function operationsOf({ rows }: Grid): string[] {
  return [...new Set([...rows.keys()].map((name) => name.split(' | ')[0] as string))].sort();
}

/**
 * Tries every cell, a line after the other and the columns of one at once; returns those that came out otherwise, one a
 * line.
 */
export async function findDifferences({ rows }: Grid, attempt: (line: string, column: string) => Promise<string>): Promise<string[]> {
  const differences: string[] = [];
  for (const [line, cells] of rows) {
    const found = await Promise.all(
      [...cells].map(async ([column, expected]) => {
        const outcome = await attempt(line, column);
        return outcome === expected ? [] : [`${line}, as ${column}: ${outcome} instead of ${expected}`];
      }),
    );
    differences.push(...found.flat());
  }
  return differences;
}
