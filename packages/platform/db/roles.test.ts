import { describe, expect, it } from 'vitest';
import { roleName } from './roles.ts';

const SERVICES = ['identity', 'user', 'conversation', 'delivery', 'web', 'log'];

describe('the name of a role', () => {
  it('is that of database and schema where it fits', () => {
    expect(roleName('chat', 'user')).toBe('chat_user');
    expect(roleName('d'.repeat(58), 'user')).toBe(`${'d'.repeat(58)}_user`);
  });

  it('is short enough for PostgreSQL and of its own, however long the database’s name is', () => {
    const long = 'd'.repeat(62);
    const databases = [long, `${long}x`, `${long}y`, 'ü'.repeat(31), `${'ü'.repeat(30)}xx`, '🐦'.repeat(15)];
    const names = databases.flatMap((database) => SERVICES.map((schema) => roleName(database, schema)));
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) {
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      // No character was cut in two.
      expect(name).not.toContain('\uFFFD');
    }
  });

  it('tells whose role it is, and stays the same', () => {
    expect(roleName('d'.repeat(63), 'conversation')).toMatch(/^d{33}_conversation_[0-9a-f]{16}$/);
    expect(roleName('d'.repeat(63), 'conversation')).toBe(roleName('d'.repeat(63), 'conversation'));
  });
});
