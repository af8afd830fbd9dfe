import { expect, it } from 'vitest';
import { TOPICS, type Topic } from '../log/index.ts';
import { calleesOf, SERVICE_NAMES, SERVICES } from './index.ts';

/** Who may, of the services, per topic. */
function who(does: 'reads' | 'writes'): Record<string, string[]> {
  const namesOf = (topic: Topic) => SERVICE_NAMES.filter((name) => SERVICES[name].log[does].includes(topic));
  return Object.fromEntries(TOPICS.map((topic) => [topic, namesOf(topic).sort()]));
}

it('lets only the owners of facts write a topic', () => {
  expect(who('writes')).toEqual({
    conversations: ['conversation', 'delivery'],
    receipts: [],
    users: ['identity', 'user'],
    ephemeral: ['delivery'],
  });
});

it('lets conversations be read by those alone who keep and deliver them', () => {
  expect(who('reads')).toEqual({
    conversations: ['conversation', 'delivery'],
    receipts: ['conversation', 'delivery'],
    users: ['conversation', 'delivery', 'identity', 'user', 'web'],
    ephemeral: ['delivery'],
  });
});

it('gives each a group of its own', () => {
  for (const name of SERVICE_NAMES) expect([undefined, name]).toContain(SERVICES[name].log.group);
});

it('knows who calls whom, and how, from the table of calls', () => {
  expect(Object.fromEntries(SERVICE_NAMES.map((name) => [name, calleesOf(name)]))).toEqual({
    identity: [],
    user: [],
    conversation: [{ callee: 'user', http: false, rpc: true }],
    delivery: [{ callee: 'conversation', http: false, rpc: true }],
    web: [
      { callee: 'identity', http: false, rpc: true },
      { callee: 'user', http: true, rpc: false },
      { callee: 'conversation', http: true, rpc: false },
      { callee: 'delivery', http: true, rpc: false },
    ],
  });
});
