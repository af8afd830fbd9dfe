import { type Client, type ClientOptions, createClient } from '../client.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { FakeServer } from './fake-server.ts';

export interface Stage {
  clock: FakeClock;
  server: FakeServer;
  client: Client;
  ann: string;
  bob: string;
  /** A group of both. */
  group: string;
}

/** A server with Ann and Bob in a group, and Ann's client, not started. */
export function setStage(options: Partial<ClientOptions> = {}): Stage {
  const clock = new FakeClock();
  const server = new FakeServer(clock);
  const ann = server.addUser('Ann');
  const bob = server.addUser('Bob');
  const group = server.addGroup('Birds', [ann, bob]);
  const client = createClient({
    baseUrl: 'http://starling.test',
    auth: { kind: 'password', email: 'ann@example.org', password: 'correct horse' },
    fetch: server.createFetch(),
    WebSocket: server.WebSocket,
    clock,
    random: () => 0.5,
    ...options,
  });
  return { clock, server, client, ann, bob, group };
}

/** The same with Ann's client live. */
export async function startClient(options: Partial<ClientOptions> = {}): Promise<Stage> {
  const stage = setStage(options);
  stage.client.start();
  await settle();
  return stage;
}

/** Bodies of the messages that the client shows in a conversation. */
export function shownBodies({ client, group }: Pick<Stage, 'client' | 'group'>): string[] {
  return (
    client
      .getState()
      .ranges.get(group)
      ?.messages.map(({ body }) => body) ?? []
  );
}

/** Bodies and states of what is pending there. */
export function pending({ client, group }: Pick<Stage, 'client' | 'group'>): string[] {
  return (
    client
      .getState()
      .sends.get(group)
      ?.map(({ body, state }) => `${body} (${state})`) ?? []
  );
}
