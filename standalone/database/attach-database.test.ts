import { expect, test } from 'vitest';
import { refuseServer } from './attach-database.ts';

const target = { name: 'the database "chat" on db:5432', server: 'db:5432', database: 'chat', user: 'chat' };

test('a server older than 15 is refused', () => {
  expect(() => refuseServer(target, { version: 140_012, encoding: 'UTF8' })).toThrow(
    'The server db:5432 is PostgreSQL 14, and Starling needs 15 or newer: update it, or use another one.',
  );
});

test('15 and newer are accepted', () => {
  expect(() => refuseServer(target, { version: 150_000, encoding: 'UTF8' })).not.toThrow();
  expect(() => refuseServer(target, { version: 180_004, encoding: 'UTF8' })).not.toThrow();
});
