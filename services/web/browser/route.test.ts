import { expect, it } from 'vitest';
import { conversationPath, routeOf } from './route.ts';

it('tells the list, a conversation and what is no page apart', () => {
  const id = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f';
  expect(routeOf('/')).toEqual({ page: 'list' });
  expect(routeOf(conversationPath(id))).toEqual({ page: 'conversation', conversation: id });
  for (const path of ['/c', '/c/', '/c/not-an-id', `/c/${'-'.repeat(36)}`, `/c/${id}/x`, `/d/${id}`, '/settings', `//c/${id}`]) {
    expect([path, routeOf(path)]).toEqual([path, { page: 'unknown' }]);
  }
});
