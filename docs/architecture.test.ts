import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EVENTS } from '../packages/contracts/events/index.ts';
import { PROBLEMS } from '../packages/contracts/problems/index.ts';
import { CLOSE_CODES, ClientFrame, ServerFrame } from '../packages/contracts/socket/index.ts';
import { USAGE as PROCESSES_USAGE } from '../processes/options.ts';
import { USAGE } from '../standalone/options.ts';

const ROOT = join(import.meta.dirname, '..');
const DOCUMENTS = globSync('**/*.md', { cwd: ROOT, exclude: ['**/node_modules', '**/dist', '**/starling-data'] }).sort();

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The cells of every table row of a text, heads and rules included. */
function readRows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => /^\|.*\|$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

/** The text without its code blocks. */
function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}

/** What is wrong with a table of `concept | file#export`. */
function findBrokenConcepts(text: string, atLeast: number): string[] {
  const rows = readRows(text).flatMap(([concept = '', where = '']) => {
    const [, file, name] = /^`([^`#]+)#([^`#]+)`$/.exec(where) ?? [];
    return file && name ? [{ concept, file, name, where }] : [];
  });
  const complaints = rows.length < atLeast ? [`only ${rows.length} rows`] : [];
  for (const key of ['concept', 'where'] as const) {
    const values = rows.map((row) => row[key]);
    complaints.push(...values.filter((value, index) => values.indexOf(value) !== index).map((value) => `twice: ${value}`));
  }
  for (const { file, name, where } of rows) {
    if (!existsSync(join(ROOT, file))) complaints.push(`no such file: ${where}`);
    else if (!exportsOf(read(file)).has(name)) complaints.push(`no such export: ${where}`);
  }
  return complaints;
}

function exportsOf(source: string): Set<string> {
  const declared = /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type) ([A-Za-z_$][\w$]*)/gm;
  const listed = /^export (?:type )?\{([^}]*)\}/gm;
  const names = [...source.matchAll(declared)].map((match) => match[1] ?? '');
  for (const [, list = ''] of source.matchAll(listed)) {
    names.push(...list.split(',').map((item) => item.trim().split(/\s+/).at(-1) ?? ''));
  }
  return new Set(names.filter((name) => name !== ''));
}

/** Relative links of a document that lead nowhere, and paths in backticks that do not exist. */
function findDeadEnds(document: string, text: string): string[] {
  const prose = withoutCode(text);
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => (match[1] ?? '').split('#')[0] ?? '')
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .filter((target) => !existsSync(join(ROOT, dirname(document), target)));
  const paths = [...prose.matchAll(/`((?:packages|services|standalone|processes|bench|tests|tools|docs)\/[\w./-]+)`/g)]
    .map((match) => match[1] ?? '')
    .filter((path) => !existsSync(join(ROOT, path)));
  return [...links, ...paths].map((target) => `${document}: ${target}`);
}

/** `METHOD /v1/path/{parameter}` of every route that the services have. */
function routesInCode(): string[] {
  const files = globSync('services/*/{routes,append}/**/*.ts', { cwd: ROOT, exclude: ['**/*.test.ts'] });
  return files
    .flatMap((file) => [...read(file).matchAll(/\bapp\s*\.(get|post|put|patch|delete)\b(?:(?!\bapp\s*\.)[\s\S])*?\(\s*'(\/v1\/[^']+)'/g)])
    .map(([, method = '', path = '']) => `${method.toUpperCase()} ${path.replace(/:(\w+)/g, '{$1}')}`)
    .sort();
}

interface FrameSchema {
  anyOf: { required?: string[]; properties: Record<string, unknown> & { type: { const: string } } }[];
}

/** `type | fields` of each frame, as the protocol page writes them. */
function framesInCode(union: unknown): string[][] {
  return (union as FrameSchema).anyOf.map(({ properties, required = [] }) => {
    const fields = Object.keys(properties).filter((name) => name !== 'type');
    const written = fields.map((name) => `\`${name}${required.includes(name) ? '' : '?'}\``);
    return [`\`${properties.type.const}\``, written.join(', ') || '–'];
  });
}

describe('the architecture page', () => {
  it('names a file and an export of it for every concept', () => {
    expect(findBrokenConcepts(read('docs/architecture.md'), 85)).toEqual([]);
  });

  it('would be found wrong', () => {
    const row = (concept: string, where: string) => `| ${concept} | \`${where}\` |`;
    const good = row('cursor', 'packages/contracts/log/cursor.ts#Cursor');
    expect(findBrokenConcepts(good, 1)).toEqual([]);
    expect(findBrokenConcepts(good, 2)).toEqual(['only 1 rows']);
    expect(findBrokenConcepts(`${good}\n${good}`, 1)).toHaveLength(2);
    expect(findBrokenConcepts(row('x', 'packages/contracts/log/absent.ts#Cursor'), 1)).toHaveLength(1);
    // Imported there, and not exported.
    expect(findBrokenConcepts(row('x', 'packages/contracts/log/cursor.ts#TOPICS'), 1)).toHaveLength(1);
  });
});

describe('the documents', () => {
  it('have no link and no path that leads nowhere', () => {
    expect(DOCUMENTS).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'docs/protocol.md']));
    expect(DOCUMENTS.flatMap((document) => findDeadEnds(document, read(document)))).toEqual([]);
    expect(findDeadEnds('docs/x.md', 'see [this](absent.md), [that](adr/README.md) and `packages/absent.ts`')).toHaveLength(2);
  });

  it('list every decision, numbered from 1 on', () => {
    const pages = globSync('docs/adr/*.md', { cwd: ROOT })
      .map((path) => path.slice('docs/adr/'.length))
      .filter((name) => name !== 'README.md')
      .sort();
    expect(pages.map((name) => Number(name.slice(0, 4)))).toEqual(pages.map((_, index) => index + 1));
    expect([...read('docs/adr/README.md').matchAll(/\]\((\d{4}-[\w-]+\.md)\)/g)].map((match) => match[1])).toEqual(pages);
  });

  it('name a test that there is for each default of a library', () => {
    const [, , ...rows] = readRows(read('docs/adr/0018-library-defaults-are-not-security.md')).map((row) => row.at(-1) ?? '');
    expect(rows.length).toBeGreaterThan(30);
    for (const cell of rows) {
      const files = [...cell.matchAll(/`([^`]+\.test\.ts)`/g)].map((match) => read(match[1] as string)).join('');
      expect(files, cell).not.toBe('');
      const names = [...cell.matchAll(/\*([^*]+?)…?\*/g)].map((match) => (match[1] as string).replaceAll(' … ', '%').trim());
      for (const name of names) for (const part of name.split('%')) expect(files.replaceAll("\\'", "'"), part).toContain(part);
    }
  });

  it('begin with two commands', () => {
    expect([...read('README.md').matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map((match) => match[1])).toEqual([
      'npm install && npm start\n',
      'npm test\n',
    ]);
  });

  it.each([
    ['standalone/options.ts', USAGE, 'README.md'],
    ['processes/options.ts', PROCESSES_USAGE, 'processes/README.md'],
  ])('name every option of %s', (_code, text, document) => {
    const usage = [...text.matchAll(/^ {2}(--[\w-]+)/gm)].map((match) => match[1] as string);
    expect(usage).toContain('--port');
    expect(usage).toContain('--registration');
    const written = read(document);
    expect(usage.filter((option) => option !== '--help' && !written.includes(`\`${option}\``))).toEqual([]);
  });

  it('name every command of npm', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const commands = Object.keys(scripts)
      .filter((name) => !(name.startsWith('pre') && name.slice(3) in scripts))
      .map((name) => (name === 'start' || name === 'test' ? `npm ${name}` : `npm run ${name}`));
    const written = readRows(read('CONTRIBUTING.md')).map(([command = '']) => command);
    expect(commands).toContain('npm run test:chaos');
    expect(commands.filter((command) => !written.some((cell) => new RegExp(`^\`${command}(?=[\` ])`).test(cell)))).toEqual([]);
  });

  it.each(['platform', 'testing', 'contracts'])('name every subpath of packages/%s', (name) => {
    const { exports } = JSON.parse(read(`packages/${name}/package.json`)) as { exports: Record<string, string> };
    const written = readRows(read(`packages/${name}/README.md`)).map(([subpath]) => subpath);
    expect(Object.keys(exports).length).toBeGreaterThan(5);
    expect(Object.keys(exports).filter((subpath) => !written.includes(`\`${subpath}\``))).toEqual([]);
  });

  it('name every folder of the house', () => {
    const [tree = ''] = read('CONTRIBUTING.md').match(/^```\n[\s\S]*?^```$/m) ?? [];
    const folders = globSync(['*/', '{packages,services}/*/'], { cwd: ROOT, exclude: ['**/node_modules', '**/dist', '**/starling-*'] })
      .map((path) => path.replace(/\/$/, ''))
      .filter((path) => existsSync(join(ROOT, path, 'package.json')) || path === 'tools' || path === 'docs');
    expect(folders).toContain('services/web');
    expect(folders.filter((path) => !new RegExp(`^${path}/`, 'm').test(tree))).toEqual([]);
  });
});

describe('the protocol page', () => {
  const text = read('docs/protocol.md');
  const rows = readRows(text);
  const startingWith = (pattern: RegExp) => rows.filter(([first = '']) => pattern.test(first));

  it('has every route, and no other', () => {
    const written = startingWith(/^`[A-Z]+ \/v1/).map(([first = '']) => first.slice(1, -1));
    expect(routesInCode().length).toBeGreaterThanOrEqual(19);
    expect([...written].sort()).toEqual(routesInCode());
  });

  it('names only problems that there are, beside routes', () => {
    const named = startingWith(/^`[A-Z]+ \/v1/).flatMap(([, , , problems = '']) =>
      [...problems.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name),
    );
    expect(named).toContain('behind');
    expect(named.filter((name) => !Object.hasOwn(PROBLEMS, name as string))).toEqual([]);
  });

  it('has every frame with its fields', () => {
    const written = rows.map(([type, fields]) => `${type} ${fields}`);
    for (const [type, fields] of [...framesInCode(ClientFrame), ...framesInCode(ServerFrame)])
      expect(written).toContain(`${type} ${fields}`);
  });

  it('has every close code with what to do after it', () => {
    const written = startingWith(/^\d{4}$/).map(([code, name, retry]) => [Number(code), name, retry]);
    expect(written).toEqual(Object.entries(CLOSE_CODES).map(([name, { code, retry }]) => [code, `\`${name}\``, retry]));
  });

  it('has every problem with its status and whether to try again', () => {
    const written = rows
      .filter(([, status = '']) => /^\d{3}$/.test(status))
      .map(([name, status, again = '']) => [name, Number(status), /^yes/.test(again)]);
    expect(written).toEqual(Object.entries(PROBLEMS).map(([name, { status, retry }]) => [`\`${name}\``, status, retry]));
  });

  it('has every kind of event', () => {
    for (const kind of Object.keys(EVENTS)) expect(text).toContain(`\`${kind}\``);
  });
});
