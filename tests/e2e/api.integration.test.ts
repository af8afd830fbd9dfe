import { type Client, createClient } from '@starling/client';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { createTestDatabase } from '@starling/testing/database';
import { runStarling, startStarlingProcess, startStarlingServices } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Shape {
  url: string;
  /** Where /metrics and /readyz of the sockets' process are. */
  sideUrl: string;
  stop(): Promise<unknown>;
}

const PASSWORD = 'correct horse battery';

function describeApi(name: string, start: () => Promise<Shape>): void {
  describe(`the API, ${name}`, () => {
    let shape: Shape;
    const clients: Client[] = [];

    beforeAll(async () => {
      shape = await start();
    }, 180_000);
    afterAll(async () => {
      for (const client of clients) client.stop();
      await shape?.stop();
    }, 60_000);

    async function join(person: string): Promise<{ client: Client; id: string; email: string }> {
      const email = `${person.toLowerCase()}.${v7()}@example.org`;
      const client = createClient({ baseUrl: shape.url, auth: { kind: 'password' } });
      clients.push(client);
      const { id, code = '' } = await client.signUp({ email, password: PASSWORD, name: person });
      const { user } = await client.confirmSignUp({ id, code });
      client.start();
      await waitFor(() => client.getState().connection === 'live', { deadline: 20_000 });
      return { client, id: user, email };
    }

    function bodies(client: Client, conversation: string): string[] {
      return (
        client
          .getState()
          .ranges.get(conversation)
          ?.messages.map((message) => message.body) ?? []
      );
    }

    it('carries messages by socket and by POST, each once, in one order', async () => {
      const [ann, bob] = [await join('Ann'), await join('Bob')];
      await waitFor(async () => (await ann.client.searchUsers('bob')).some((profile) => profile.id === bob.id));
      const { id } = await ann.client.createGroup('Both ways', [bob.id], v7());
      await Promise.all([ann.client.openConversation(id), waitFor(() => bob.client.getState().conversations.length === 1)]);
      await bob.client.openConversation(id);

      const reply = await fetch(`${shape.url}/v1/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: ann.email, password: PASSWORD }),
      });
      const { token } = (await reply.json()) as { token: string };
      const post = async (client: string, body: string) => {
        const answer = await fetch(`${shape.url}/v1/conversations/${id}/messages`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: JSON.stringify({ client, body }),
        });
        return { status: answer.status, reply: await answer.json() };
      };
      const outcomes = [];
      for (let number = 0; number < 10; number++) {
        outcomes.push(bob.client.send(id, `bob ${number}`).outcome);
        const client = v7();
        const first = await post(client, `ann ${number}`);
        expect(first.status).toBe(201);
        expect(await post(client, `ann ${number}`)).toEqual(first);
      }
      for (const outcome of await Promise.all(outcomes)) expect(outcome.status).toBe('ok');
      await waitFor(() => bodies(ann.client, id).length >= 20 && bodies(bob.client, id).length >= 20);
      expect(bodies(ann.client, id)).toEqual(bodies(bob.client, id));
      for (const who of ['ann', 'bob']) {
        const own = bodies(ann.client, id).filter((body) => body.startsWith(who));
        expect(own).toEqual(Array.from({ length: 10 }, (_, number) => `${who} ${number}`));
      }
      const last = ann.client.getState().ranges.get(id)?.messages.at(-1)?.position ?? 0;
      const history = await ann.client.history(id, { limit: 100, after: last });
      expect(history.messages.map((message) => message.body)).toEqual(bodies(ann.client, id));
    });

    it('tells operators how it is, on a port of its own', async () => {
      expect((await fetch(`${shape.sideUrl}/healthz`)).status).toBe(200);
      expect((await fetch(`${shape.sideUrl}/readyz`)).status).toBe(200);
      const metrics = await (await fetch(`${shape.sideUrl}/metrics`)).text();
      for (const metric of [
        'starling_connections',
        'starling_log_append_seconds_count',
        'starling_send_seconds_count',
        'starling_delivery_seconds_count',
        'starling_log_lag_records',
        'starling_http_request_seconds_count',
        'nodejs_eventloop_lag_seconds',
      ]) {
        expect(metrics).toMatch(new RegExp(`^${metric}`, 'm'));
      }
      expect(metrics).toMatch(
        /starling_send_seconds_count\{outcome="ok",service="delivery"\} [1-9]|starling_send_seconds_count\{service="delivery",outcome="ok"\} [1-9]/,
      );
    });
  });
}

const SIDE_PORT = 20_000 + (process.pid % 20_000);

describeApi('one process', async () => {
  const starling = await startStarlingProcess(['--side-port', String(SIDE_PORT)]);
  return { url: starling.url, sideUrl: `http://127.0.0.1:${SIDE_PORT}`, stop: () => starling.remove() };
});

await describeWithOwnBrokers('on Kafka', { count: 1 }, (brokers) => {
  describeApi('a process for each service', async () => {
    const database = await createTestDatabase();
    const services = await startStarlingServices({ brokers: brokers.brokers, databaseUrl: database.url });
    return {
      url: services.url,
      sideUrl: services.sideUrl('delivery-1'),
      async stop() {
        await services.stop();
        await database.drop();
      },
    };
  });
});

await describeWithOwnBrokers('on a Kafka of its own', { count: 1 }, (brokers) => {
  describeApi('one process on Kafka and a server of its own', async () => {
    const database = await createTestDatabase();
    const log = `kafka://${brokers.brokers.join(',')}`;
    const starling = await startStarlingProcess(['--side-port', String(SIDE_PORT), '--log', log, '--database', database.url]);
    return {
      url: starling.url,
      sideUrl: `http://127.0.0.1:${SIDE_PORT}`,
      async stop() {
        await starling.interrupt();
        // Without its log the database's state means nothing.
        const { code, output } = await runStarling(['--data', starling.data, '--port', '0', '--database', database.url]);
        expect([code, output]).toEqual([1, expect.stringMatching(/made with another log/)]);
        await starling.remove();
        await database.drop();
      },
    };
  });
});
