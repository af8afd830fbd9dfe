import { expect, test } from 'vitest';
import { serviceOf } from './route-table.ts';

const id = '0195c7a4-8a2b-7c3d-9e4f-0123456789ab';

test.each([
  ['GET', '/v1/users', 'user'],
  ['PATCH', '/v1/users/me', 'user'],
  ['POST', '/v1/users/cards', 'user'],
  ['GET', '/v1/snapshot', 'conversation'],
  ['POST', '/v1/conversations', 'conversation'],
  ['PUT', `/v1/conversations/private/${id}`, 'conversation'],
  ['DELETE', `/v1/conversations/${id}/participants/${id}`, 'conversation'],
  ['GET', `/v1/conversations/${id}/messages`, 'conversation'],
  ['POST', `/v1/conversations/${id}/messages`, 'delivery'],
])('%s %s is answered by %s', (method, path, service) => {
  expect(serviceOf(method, path)).toBe(service);
});

test.each([
  '/v1',
  '/v1/',
  '/v1/socket',
  '/v1/usersx',
  '/v1/users/',
  '/v1//users',
  '/v1/users/../conversations',
  '/v1/users/%2e%2e/conversations',
  '/v1/users/..%2fconversations',
  '/v1/users;x',
  '/v2/users',
  '/v1/Users',
  '/v1/users/\\..',
])('nobody answers %s', (path) => {
  expect(serviceOf('GET', path)).toBeUndefined();
});
