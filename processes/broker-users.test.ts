import { TOPICS, type Topic } from '@starling/contracts/log';
import { expect, it } from 'vitest';
import { LOG_ACCESS } from './broker-users.ts';

/** Who may, of the services, per topic. */
function who(does: 'reads' | 'writes'): Record<string, string[]> {
  const namesOf = (topic: Topic) =>
    Object.keys(LOG_ACCESS).filter((name) => LOG_ACCESS[name as keyof typeof LOG_ACCESS][does].includes(topic));
  return Object.fromEntries(TOPICS.map((topic) => [topic, namesOf(topic).sort()]));
}

it('lets only the owners of facts write a topic', () => {
  expect(who('writes')).toEqual({ conversations: ['conversation', 'delivery'], receipts: [], users: ['identity', 'user'] });
});

it('lets conversations be read by those alone who keep and deliver them', () => {
  expect(who('reads')).toEqual({
    conversations: ['conversation', 'delivery'],
    receipts: ['conversation', 'delivery'],
    users: ['conversation', 'delivery', 'identity', 'user', 'web'],
  });
});

it('gives each a group of its own', () => {
  const groups = Object.entries(LOG_ACCESS).flatMap(([name, { group }]) => (group === undefined ? [] : [[name, group]]));
  for (const [name, group] of groups) expect(group).toBe(name);
});
