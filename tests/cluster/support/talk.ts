import { checkHistory, type Read } from '@starling/testing/history';
import type { FindCode } from '@starling/testing/starling';
import { expect } from 'vitest';
import { type SteadyLoad, startSteadyLoad } from '../../e2e/steady-load.ts';
import { waitUntil } from './conditions.ts';
import { makeAccount, Person } from './person.ts';

const KNOWN_MS = 60_000;
const SETTLED_MS = 90_000;
/** Posts under way at a time. */
const AT_ONCE = 100;

/** What was found to be sound. */
export interface SoundTalk {
  posts: number;
  sockets: number;
  /** Codes of sockets that ended otherwise than by their clients. */
  closes: number[];
}

/** Some people who all talk in all of some groups, until it is checked what became of each of their posts. */
export class Talk {
  readonly people: Person[];
  readonly groups: string[];
  #load: SteadyLoad | undefined;
  #begun = 0;

  private constructor(people: Person[], groups: string[]) {
    this.people = people;
    this.groups = groups;
  }

  static async begin(url: string, findCode: FindCode, options: { people: number; groups: number }): Promise<Talk> {
    const people: Person[] = [];
    for (let index = 0; index < options.people; index++) people.push(new Person(url, await makeAccount(url, `Person ${index}`, findCode)));
    const [first = expect.fail('nobody'), ...others] = people;
    const groups: string[] = [];
    for (let index = 0; index < options.groups; index++) {
      const ids = others.map(({ id }) => id);
      // Until the newest accounts are known everywhere.
      const { id } = await waitUntil('a group', KNOWN_MS, () => first.client.createGroup(`Group ${index}`, ids));
      groups.push(id);
    }
    for (const person of people) {
      person.conversations = groups;
      await waitUntil(
        'the groups to be in the list',
        KNOWN_MS,
        async () => (await person.client.snapshot()).conversations.length === groups.length,
      );
      await person.start();
    }
    return new Talk(people, groups);
  }

  start(perSecond: number): void {
    this.#load = startSteadyLoad({
      perSecond,
      atOnce: AT_ONCE,
      act: async (number) => {
        const person = this.people[number % this.people.length] as Person;
        const group = this.groups[Math.floor(number / this.people.length) % this.groups.length] as string;
        await person.say(group, `message ${this.#begun++} of ${person.id}`);
      },
    });
  }

  /** How many posts are stored so far. */
  get stored(): number {
    return this.people.flatMap(({ operations }) => operations).filter(({ outcome }) => outcome === 'ok').length;
  }

  /** Resolves when so many more posts are stored than now: it goes on. */
  async goesOn(posts: number, within: number): Promise<void> {
    const before = this.stored;
    await waitUntil(`${posts} more posts`, within, () => this.stored >= before + posts);
  }

  /** Ends the talk, and finds nothing lost, doubled, out of order or refused: in the history, and over each socket. */
  async endSound(): Promise<SoundTalk> {
    const load = this.#load;
    await waitUntil('every outcome to be known', SETTLED_MS, async () => {
      await load?.stop();
      return true;
    });
    expect(load?.failures).toEqual([]);
    const operations = this.people.flatMap((person) => person.operations);
    const ends = new Map<string, number>();
    for (const { conversation, position = -1 } of operations) ends.set(conversation, Math.max(ends.get(conversation) ?? -1, position));
    await waitUntil('every socket to have everything', SETTLED_MS, () => this.people.every((person) => person.hasReached(ends)));
    const [reader = expect.fail('nobody')] = this.people;
    const final: Read[] = [];
    for (const group of this.groups) {
      const reads = await waitUntil('the history to catch up', SETTLED_MS, async () => {
        const all = await reader.readHistory(group);
        return (all.at(-1)?.position ?? -1) >= (ends.get(group) ?? -1) && all;
      });
      final.push(...reads);
    }
    const sessions = this.people.flatMap((person) => person.sessions);
    expect(checkHistory({ operations, sessions, final })).toEqual([]);
    expect(operations.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
    expect(final).toHaveLength(operations.length);
    return { posts: operations.length, sockets: sessions.length, closes: this.people.flatMap((person) => person.closes) };
  }

  stop(): void {
    for (const person of this.people) person.stop();
  }
}
