import { describe, expect, it } from 'vitest';
import { PATTERNS } from './fields.ts';

const cases: Record<keyof typeof PATTERNS, { good: string[]; bad: string[] }> = {
  label: { good: ['a', 'a-b', '1'], bad: ['', '-a', 'a-', 'a.b', 'A', 'a\n'] },
  host: { good: ['localhost', 'chat.example.com', 'a.b-c.d'], bad: ['', '.a', 'a.', 'a..b', 'a b', 'a:1', 'a\n', 'a\nb', 'ä.de'] },
  origin: {
    good: ['https://a.b', 'http://localhost:3000'],
    bad: ['https://a.b/', 'https://*', 'ftp://a', 'https://u@a', 'https://a:0', 'null'],
  },
  url: { good: ['http://a', 'https://a.b:4318/v1/traces'], bad: ['a', 'http://u:p@a', 'http://a/?x', 'http://a/\n', 'file:///a'] },
  broker: { good: ['a:1', 'a.b:65535'], bad: ['a', 'a:0', 'a:65536', 'a:99999', ':1', 'a:1,b:2'] },
  email: { good: ['a@b', "o'neil+x@b.c"], bad: ['a', '@b', 'a@', 'a b@c', 'a@b,c@d', 'a@b\n'] },
  line: { good: ['Starling <a@b>', 'ä'], bad: ['', 'a\nb', 'a\r', '\0', '\x7f'] },
  text: { good: ['', '[{"HTTP": 80}]'], bad: ['a\n', 'a\nb', '\r'] },
  bytes: { good: ['1Mi', '10Gi', '999999Ti'], bad: ['0Gi', '-1Gi', '1', '1G', '1.5Gi', '1000000Gi', ' 1Gi'] },
  cpu: { good: ['1', '500m', '128'], bad: ['0', '-1', '0.5', '1e3', 'm'] },
  address: { good: ['192.0.2.1', '192.0.2.0/24', '2001:db8::/32'], bad: ['', 'a.example', '1.2.3.4/'] },
  repository: {
    good: ['starling', 'ghcr.io/a/b', 'localhost:5000/a', 'a.b/c__d/e-f'],
    bad: ['a:1', 'a@sha256:0', '/a', 'a/', 'a//b', 'a/../b', 'http://a', 'A/b', 'a b'],
  },
  image: {
    good: ['a', 'ghcr.io/a/b:1.0', `a/b@sha256:${'0'.repeat(64)}`, `r:5000/a:v1@sha256:${'f'.repeat(64)}`],
    bad: ['a:', 'a:b c', 'a@sha256:0', 'http://a/b', '-a', 'a\n'],
  },
  tag: { good: ['1.2.3', 'v1', 'sha-abc'], bad: ['', '.a', '-a', 'a b', 'a:b', 'a/b', 'a\n'] },
  secretKey: { good: ['url', 'ca.crt', '_a-b', '.a', 'a..b'], bad: ['', 'a/b', 'a b', '../a/b', '.', '..', '..a'] },
  database: { good: ['starling', '_a1'], bad: ['', '1a', 'A', 'a-b', 'a"b', 'a;b'] },
  labelKey: { good: ['a', 'topology.kubernetes.io/zone', 'A_b.c'], bad: ['', 'a/', '/a', 'a b', 'a/b/c', 'a\n', `a${'b'.repeat(63)}`] },
  labelValue: { good: ['', 'a', 'A_b.c-1'], bad: ['-a', 'a-', 'a b', 'a/b', 'a\n'] },
};

describe.each(Object.entries(cases))('%s', (name, { good, bad }) => {
  // As RE2 has it: without flags, `$` is the end of the text.
  const pattern = new RegExp(PATTERNS[name as keyof typeof PATTERNS]);
  it.each(good)('takes %j', (text) => expect(text).toMatch(pattern));
  it.each(bad)('refuses %j', (text) => expect(text).not.toMatch(pattern));
});
