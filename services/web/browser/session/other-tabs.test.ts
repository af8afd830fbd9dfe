import { expect, it } from 'vitest';
import { judgeNews, openSessionChannel, type SessionNews } from './other-tabs.ts';

it('tells the other tabs, and not the one that tells', async () => {
  const heard: string[] = [];
  const arrived = Promise.withResolvers<void>();
  const [left, right] = ['left', 'right'].map((tab) =>
    openSessionChannel(({ type, user }) => {
      heard.push(`${tab}: ${user} ${type}`);
      if (heard.length === 2) arrived.resolve();
    }),
  );
  left!.announce({ type: 'logged-out', user: 'bob' });
  left!.announce({ type: 'logged-in', user: 'carl' });
  await arrived.promise;
  expect(heard).toEqual(['right: bob logged-out', 'right: carl logged-in']);
  for (const channel of [left!, right!]) channel.close();
});

it('ends what is shown of one who left or was replaced, and lets a tab in that shows nobody', () => {
  const judge = (type: SessionNews['type'], user: string, shown: string | null) => judgeNews({ type, user }, shown);
  expect(judge('logged-out', 'bob', 'bob')).toBe('logged-out');
  expect(judge('logged-out', 'bob', 'carl')).toBe('nothing');
  expect(judge('logged-out', 'bob', null)).toBe('nothing');
  expect(judge('logged-in', 'carl', 'bob')).toBe('other-user');
  expect(judge('logged-in', 'bob', 'bob')).toBe('enter');
  expect(judge('logged-in', 'bob', null)).toBe('enter');
});
