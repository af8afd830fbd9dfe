import { ClientFrame } from '@starling/contracts/socket';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { openSocket, type Socket } from '../protocol/harness.ts';
import { outcomeOfProblem } from './outcome.ts';
import type { Actor, World } from './world.ts';

/** Every frame that a client may send, by its type. */
export function listFrames(): string[] {
  return ClientFrame.anyOf.map(({ properties }) => properties.type.const).sort();
}

/** Tries a line of the grid of frames over a socket of an actor's own. */
export async function tryFrame(world: World, line: string, actor: Actor): Promise<string> {
  const [type = '', forged] = line.split(' | ');
  const opening = forged === 'with a token of the API' ? await world.mintToken(actor, 'api') : actor.token;
  const socket = await openSocket(world.socketUrl, opening);
  try {
    if (!socket.closed) socket.send({ type, ...contentOf(world, type, forged === undefined ? actor : world.bystander) });
    return await waitFor(() => outcomeOf(socket), { describe: `the outcome of ${line}` });
  } finally {
    await socket.close();
  }
}

function contentOf({ local, group }: World, type: string, { token }: Actor): object {
  if (type === 'send') return { conversation: group, client: v7(), body: 'Hello' };
  if (type === 'authenticate') return { token };
  const { epoch, partitions } = local.log;
  const zeros = (topic: keyof typeof partitions) => Array.from({ length: partitions[topic] }, () => 0);
  return { cursor: { epoch, conversations: zeros('conversations'), receipts: zeros('receipts'), users: zeros('users') } };
}

function outcomeOf({ frames, closed }: Socket): string | undefined {
  for (const frame of frames) {
    if (frame.type === 'nack') return outcomeOfProblem(frame.problem.type);
    if (frame.type === 'ack' || frame.type === 'live' || frame.type === 'authenticated') return 'ok';
  }
  if (!closed) return undefined;
  return closed.code === 4401 ? '401' : `closed by ${closed.code}`;
}
