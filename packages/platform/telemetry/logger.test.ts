import { describe, expect, it } from 'vitest';
import { createTestLogger } from './test-logger.ts';

const SECRET = 'must-not-be-logged';
const FIELDS = ['authorization', 'cookie', 'set-cookie', 'sec-websocket-protocol', 'starling-hop', 'password', 'token', 'body', 'session'];

describe('the logger', () => {
  it('hides secrets and message texts, at the top and up to two levels down', () => {
    for (const field of FIELDS) {
      const log = createTestLogger();
      log.logger.info({ [field]: SECRET }, 'top');
      log.logger.info({ headers: { [field]: SECRET, kept: 'kept' } }, 'one');
      log.logger.info({ request: { headers: { [field]: SECRET, kept: 'kept' } } }, 'two');
      log.logger.info({ [field]: { nested: SECRET } }, 'an object');
      log.logger.child({ [field]: SECRET }).info('of a child');
      expect(log.text(), field).not.toContain(SECRET);
      expect(log.text().match(/\[redacted\]/g), field).toHaveLength(5);
      expect(log.text().match(/"kept":"kept"/g), field).toHaveLength(2);
    }
  });

  it('shows of a request its method, path and id', () => {
    const log = createTestLogger();
    log.logger.info({ req: { method: 'GET', url: `/v1/users?search=${SECRET}`, id: 'r1', headers: { cookie: SECRET } } }, 'asked');
    expect(log.entries()[0]).toMatchObject({ req: { method: 'GET', path: '/v1/users', id: 'r1' } });
    expect(log.text()).not.toContain(SECRET);
  });

  it('writes one JSON object a line, with service and time', () => {
    const log = createTestLogger();
    log.logger.warn({ n: 1 }, 'first\nstill first');
    log.logger.debug('below the level');
    const [entry, ...others] = log.entries();
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ service: 'test', n: 1, msg: 'first\nstill first' });
    expect(String(entry?.['time'])).toMatch(/^\d{4}-\d\d-\d\dT/);
  });
});
