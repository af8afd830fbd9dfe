import { describe, expect, it } from 'vitest';
import { setStage } from '../testing/start-client.ts';

describe('calls', () => {
  it('repeats a command without an answer under the same key', async () => {
    const { client, server, bob, clock } = setStage();
    let failures = 2;
    server.onRequest = ({ path }) => {
      if (path === '/v1/conversations' && failures-- > 0) throw new TypeError('connection reset');
      return undefined;
    };
    const made = client.createGroup('Owls', [bob]);
    await clock.advance(5000);
    expect(await made).toMatchObject({ position: expect.any(Number) });
    const keys = server.requests.filter(({ path }) => path === '/v1/conversations').map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
  });

  it('gives up after three tries with an error that says what to do', async () => {
    const { client, server, clock } = setStage();
    server.onRequest = ({ path }) => {
      if (path === '/v1/users') throw new TypeError('connection reset');
      return undefined;
    };
    const found = client.searchUsers('bo').catch((error: unknown) => error);
    await clock.advance(5000);
    expect(await found).toMatchObject({
      name: 'NetworkError',
      message: 'The server cannot be reached. Check the connection and try again.',
    });
    expect(server.requests.filter(({ path }) => path === '/v1/users')).toHaveLength(3);
  });

  it('does not repeat what is not safe to repeat', async () => {
    const { client, server, group, clock } = setStage();
    server.onRequest = ({ method }) => {
      if (method === 'PATCH') throw new TypeError('connection reset');
      return undefined;
    };
    const renamed = client.rename(group, 'Owls').catch((error: unknown) => error);
    await clock.advance(5000);
    expect(await renamed).toMatchObject({ name: 'NetworkError' });
    expect(server.requests.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
  });

  it('takes it for done when the repetition of a removal finds nothing left to do', async () => {
    const { client, server, group, ann, clock } = setStage();
    let failures = 1;
    server.onRequest = ({ method }) => {
      if (method !== 'DELETE' || failures-- <= 0) return undefined;
      server.removeParticipant(group, ann);
      throw new TypeError('connection reset');
    };
    const left = client.removeParticipant(group, ann);
    await clock.advance(5000);
    expect(await left).toEqual({ id: group });
    await expect(client.removeParticipant(group, ann)).rejects.toMatchObject({ status: 404 });
  });

  it('hands on the problem of a refusal', async () => {
    const { client, server } = setStage();
    server.addUser('Taken');
    await expect(client.updateMe({ handle: 'taken' })).rejects.toMatchObject({ code: 'handle-taken', status: 409 });
    expect(await client.updateMe({ name: 'Anna' })).toMatchObject({ name: 'Anna' });
    expect(client.getState().profiles.size).toBe(1);
  });
});
