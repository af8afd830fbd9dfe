import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SideAnswer } from '../metrics/index.ts';
import type { SpanLine } from '../telemetry/index.ts';
import { tracePage } from './trace-page.ts';

const CLIENT = '01890a5d-ac96-774b-bcce-b302099a8057';
const TRACE = 'a'.repeat(32);
const IDENTITY = { 'enduser.id': 'user-of-ann', 'jwt.iss': 'web', 'jwt.aud': 'delivery', 'jwt.jti': 'token-id', 'jwt.act': 'web' };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-traces-'));
});
afterEach(() => rm(folder, { recursive: true }));

function line(change: Partial<SpanLine> = {}): string {
  const attributes = { 'message.client': CLIENT, ...IDENTITY };
  return `${JSON.stringify({ trace: TRACE, span: 's1', name: 'append', service: 'delivery', start: 1_700_000_000_000, duration: 5, attributes, ...change })}\n`;
}

function ask(query: string): Promise<SideAnswer> {
  return tracePage(folder)(new URLSearchParams(query));
}

describe('the page of traces', () => {
  it('shows the way of a message from the files of all processes, with the identity of each hop', async () => {
    await writeFile(join(folder, 'traces-delivery-1.jsonl.1'), line());
    await writeFile(
      join(folder, 'traces-conversation.jsonl'),
      line({ span: 's2', parent: 's1', name: 'project', service: 'conversation', start: 1_700_000_000_002, attributes: {} }),
    );
    await writeFile(
      join(folder, 'traces-web.jsonl'),
      line({ trace: 'b'.repeat(32), span: 's9', name: 'of another message', attributes: {}, links: [{ trace: TRACE, span: 's1' }] }),
    );
    await writeFile(join(folder, 'unrelated.jsonl'), line({ span: 's3', name: 'of another file' }));
    for (const query of [`message=${CLIENT}`, `message= ${CLIENT} `, `trace=${TRACE}`]) {
      const { status, text } = await ask(query);
      expect(status).toBe(200);
      expect(text).toMatch(/append<\/td>\s*<td>delivery<\/td>[\s\S]*└ <\/span>project<\/td>\s*<td>conversation<\/td>/);
      for (const value of Object.values(IDENTITY)) expect(text).toContain(`<code>${value}</code>`);
      expect(text).toContain('<rect x="0.00%" y="25%" width="71.43%"');
      expect(text).not.toContain('of another');
    }
  });

  it('lists the newest messages first, and says so when there are none', async () => {
    expect((await ask('')).text).toContain('No message has been traced yet');
    const other = CLIENT.replace('0', '1');
    await writeFile(
      join(folder, 'traces.jsonl'),
      line() + line({ start: 1_700_000_001_000, attributes: { 'message.client': other } }) + line({ name: 'deliver' }),
    );
    const { text } = await ask('');
    expect([...text.matchAll(/message=([\w-]+)"/g)].map(([, client]) => client)).toEqual([other, CLIENT]);
  });

  it('passes over what is no span', async () => {
    const bad = [
      `{"trace":"${TRACE}","span":\n`,
      `"${TRACE}"\n`,
      line({ links: [null as never] }),
      line({ start: 'x' as never }),
      `${'x'.repeat(3_000_000)}${TRACE}\n`,
    ];
    await writeFile(join(folder, 'traces.jsonl'), bad.join('') + line({ name: 'good' }));
    await appendFile(join(folder, 'traces.jsonl'), line({ name: 'torn' }).slice(0, -10));
    const { text } = await ask(`trace=${TRACE}`);
    expect(text).toContain('1 spans in');
    expect(text).toContain('good');
  });

  it('shows what others have put into a span as text, whatever it is', async () => {
    const hostile = `</code></title><script>alert(1)</script><img src=x onerror=alert(1)>"'\`&`;
    const attributes = Object.fromEntries(['message.id', 'starling.sockets', ...Object.keys(IDENTITY)].map((name) => [name, hostile]));
    const change = { name: hostile, service: hostile, error: hostile, links: [{ trace: hostile, span: hostile }] };
    await writeFile(join(folder, 'traces.jsonl'), line({ ...change, attributes: { ...attributes, 'message.client': CLIENT } }));
    await appendFile(join(folder, 'traces.jsonl'), line({ attributes: { ...attributes, 'message.client': hostile } }));
    for (const query of ['', `message=${CLIENT}`, `trace=${TRACE}`]) {
      const { text } = await ask(query);
      expect(text).toContain('&#60;script&#62;alert(1)');
      expect(text).not.toMatch(/<(script|img)/);
      expect(text.match(/<\/title>/g)).toHaveLength(1);
    }
  });

  it('refuses what is no id, and says of an unknown one that it is not here', async () => {
    await writeFile(join(folder, 'traces.jsonl'), line());
    for (const query of ['message=', 'message="name"', 'trace=', `trace=${TRACE}x`, 'trace=../traces'])
      expect((await ask(query)).status, query).toBe(400);
    for (const query of [`message=${CLIENT.replace('0', '1')}`, `trace=${'c'.repeat(32)}`])
      expect((await ask(query)).status, query).toBe(404);
  });

  it('says how to turn traces on', async () => {
    const { status, text } = await tracePage(undefined)(new URLSearchParams(`message=${CLIENT}`));
    expect([status, text]).toEqual([200, expect.stringContaining('--trace')]);
  });

  it('runs no script, and takes styles from its own text alone', async () => {
    const { headers, text } = await ask('');
    const policy = headers?.['content-security-policy'] ?? '';
    const style = /<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? '';
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(policy).toContain(createHash('sha256').update(style).digest('base64'));
    expect(text).not.toMatch(/ style=| on\w+=/);
    expect(headers?.['cache-control']).toBe('no-store');
  });
});
