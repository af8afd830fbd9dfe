import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CONDITION_TYPES, REQUIRED_CONDITIONS } from '../../operator/status/conditions.ts';

const here = import.meta.dirname;
const operator = join(here, '../../operator');

/** Files of the operator that tell conditions, without their tests. */
async function readSources(): Promise<string[]> {
  const names = (await Promise.all(['reconcile', 'status'].map((folder) => readdir(join(operator, folder))))).map((list) => list.sort());
  const files = ['reconcile', 'status'].flatMap((folder, index) => (names[index] ?? []).map((name) => join(operator, folder, name)));
  return Promise.all(files.filter((file) => file.endsWith('.ts') && !file.includes('test')).map((file) => readFile(file, 'utf8')));
}

/**
 * The reasons for which a condition can be False, as the code has them: what is given to `bad` first, in so many words, by
 * way of a table called REASONS, or as the reason of a refusal.
 */
function reasonsIn(source: string): string[] {
  const arguments_ = [...source.matchAll(/\bbad\(([^,]*),/g)].map(([, first = '']) => first);
  const tables = [...source.matchAll(/const REASONS = \{([^}]*)\}/g)].map(([, table = '']) => table);
  const refusals = [...source.matchAll(/\brefuse\(('[A-Z]\w+')|\breason: ('[A-Z]\w+'), message/g)].map(
    ([, one, other]) => one ?? other ?? '',
  );
  return [...arguments_, ...tables, ...refusals].flatMap((text) => [...text.matchAll(/'([A-Z][A-Za-z]+)'/g)].map(([, word = '']) => word));
}

const reasons = new Set((await readSources()).flatMap(reasonsIn));

const pageOf = (type: string) => `${type.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.md`;
const pages = new Map(await Promise.all(CONDITION_TYPES.map(async (type) => [type, await readPage(pageOf(type))] as const)));

async function readPage(name: string): Promise<string> {
  return readFile(join(here, name), 'utf8').catch(() => '');
}

function sectionsOf(page: string): Map<string, string> {
  const [, ...sections] = page.split(/^## /m);
  return new Map(sections.map((section) => [section.slice(0, section.indexOf('\n')).trim(), section]));
}

describe('the runbooks', () => {
  it('have a page for each condition, and no others', async () => {
    for (const [type, page] of pages) expect(page, pageOf(type)).toContain(`# ${type} is False`);
    const files = (await readdir(here)).filter((name) => name.endsWith('.md') && name !== 'README.md');
    expect(files.sort()).toEqual(CONDITION_TYPES.map(pageOf).sort());
    const index = await readPage('README.md');
    for (const type of CONDITION_TYPES) expect(index).toContain(`[${type}](${pageOf(type)})`);
    const ready = await readPage('ready.md');
    for (const type of REQUIRED_CONDITIONS) expect(ready).toContain(type);
  });

  it('have a section for each reason in the code', () => {
    expect(reasons.size).toBeGreaterThan(20);
    const all = [...pages.values()].flatMap((page) => [...sectionsOf(page).keys()]);
    for (const reason of reasons) expect(all).toContain(reason);
  });

  it('have no section for a reason that is not in the code', () => {
    for (const page of pages.values()) for (const reason of sectionsOf(page).keys()) expect([...reasons]).toContain(reason);
  });

  it('say in each section what it means, where to look, how to mend it, and whether it heals by itself', () => {
    for (const [type, page] of pages)
      for (const [reason, section] of sectionsOf(page))
        for (const part of ['**Users.**', '**Look.**', '**Mend.**', '**By itself.**'])
          expect(section, `${type}: ${reason}`).toContain(part);
  });

  it('link to sections that exist', async () => {
    for (const page of pages.values())
      for (const [, file = '', anchor] of page.matchAll(/\]\(([a-z-]+\.md)(?:#([a-z]+))?\)/g)) {
        const target = await readPage(file);
        expect(target, file).not.toBe('');
        const anchors = [...sectionsOf(target).keys()].map((reason) => reason.toLowerCase());
        if (anchor !== undefined) expect(anchors, `${file}#${anchor}`).toContain(anchor);
      }
  });
});
