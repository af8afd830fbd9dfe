import { createHash } from 'node:crypto';
import { type CommandReply, ConversationChange, GroupRequest } from '@starling/contracts/http';
import type { ConversationRight } from '@starling/contracts/permissions';
import { Uuid } from '@starling/contracts/schema';
import { transaction } from '@starling/platform/db';
import { callingUser, ProblemError } from '@starling/platform/http';
import { insertFacts, type OutboxRelay } from '@starling/platform/outbox';
import { isUnavailable } from '@starling/platform/rpc';
import type { UserIdentity } from '@starling/platform/tokens';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type pg from 'pg';
import Type from 'typebox';
import { v7 } from 'uuid';
import { type Conversation, findPresent } from '../domain/conversation.ts';
import { type Decision, decideAdd, decideCreate, decideRemove, decideRename, PARTICIPANTS_LIMIT } from '../domain/decide.ts';
import { privateConversationId } from '../domain/private-id.ts';
import { accessConversation, claimCommand, insertConversation, saveConversation, selectCreatedEvent } from '../store/commands.ts';
import { selectViews } from '../store/read-models.ts';

export interface CommandContext {
  db: pg.Pool;
  relay: OutboxRelay;
  /** Those of these users that exist. */
  findUsers(users: string[]): Promise<string[]>;
}

const ConversationParams = Type.Object({ id: Uuid });
const UserParams = Type.Object({ user: Uuid });
const ParticipantParams = Type.Object({ id: Uuid, user: Uuid });
const IdempotencyHeaders = Type.Object({ 'idempotency-key': Uuid });

/** Each route decides in one transaction, writes rows and outbox, and answers with the fact's place in the log. */
export function commandRoutes(app: FastifyInstance, context: CommandContext): void {
  const { db, relay } = context;

  app.put<{ Params: Type.Static<typeof UserParams> }>(
    '/v1/conversations/private/:user',
    { schema: { params: UserParams }, config: { right: 'conversations.create' } },
    async (request, reply) => {
      const caller = callingUser(request);
      const other = request.params.user;
      if (other === caller.user) throw new ProblemError('invalid-request', { detail: 'A private conversation is with somebody else.' });
      await requireUsers(context, [other]);
      const id = privateConversationId(caller.user, other);
      const decision = decideCreate(
        { id, kind: 'private', name: null },
        [caller.user, other].sort().map((user) => ({ user, role: 'member' })),
        v7,
      );
      await transaction(db, (tx) => writeNew(tx, decision));
      return sendCreated(reply, 200, id);
    },
  );

  app.post<{ Body: GroupRequest; Headers: Type.Static<typeof IdempotencyHeaders> }>(
    '/v1/conversations',
    { schema: { body: GroupRequest, headers: IdempotencyHeaders }, config: { right: 'conversations.create' } },
    async (request, reply) => {
      const caller = callingUser(request);
      const { name, participants } = request.body;
      const others = participants.filter((user) => user !== caller.user);
      await requireUsers(context, others);
      const members = [{ user: caller.user, role: 'owner' as const }, ...others.map((user) => ({ user, role: 'member' as const }))];
      const decision = decideCreate({ id: v7(), kind: 'group', name }, members, v7);
      const fingerprint = createHash('sha256')
        .update(JSON.stringify([name, [...participants].sort()]))
        .digest('base64url');
      const id = await transaction(db, async (tx) => {
        const claim = {
          actor: caller.user,
          key: request.headers['idempotency-key'],
          fingerprint,
          conversation: decision.conversation.state.id,
        };
        const claimed = await claimCommand(tx, claim);
        if (claimed === claim.conversation) await writeNew(tx, decision);
        return claimed;
      });
      return sendCreated(reply, 201, id);
    },
  );

  app.patch<{ Params: Type.Static<typeof ConversationParams>; Body: ConversationChange }>(
    '/v1/conversations/:id',
    { schema: { params: ConversationParams, body: ConversationChange }, config: { right: 'conversations.use' } },
    (request, reply) =>
      change(reply, callingUser(request), request.params.id, 'rename', (held) => decideRename(held, request.body.name, v7)),
  );

  app.put<{ Params: Type.Static<typeof ParticipantParams> }>(
    '/v1/conversations/:id/participants/:user',
    { schema: { params: ParticipantParams }, config: { right: 'participants.add' } },
    async (request, reply) => {
      const caller = callingUser(request);
      const { id, user } = request.params;
      await requireUsers(context, [user]);
      return change(reply, caller, id, 'add', (held) => {
        const full = held.participants.filter((participant) => participant.present).length >= PARTICIPANTS_LIMIT;
        if (full && !findPresent(held, user))
          throw new ProblemError('forbidden', { detail: `A group has at most ${PARTICIPANTS_LIMIT} participants.` });
        return decideAdd(held, user, v7);
      });
    },
  );

  app.delete<{ Params: Type.Static<typeof ParticipantParams> }>(
    '/v1/conversations/:id/participants/:user',
    { schema: { params: ParticipantParams }, config: { right: 'conversations.use' } },
    (request, reply) => {
      const caller = callingUser(request);
      const { id, user } = request.params;
      return change(reply, caller, id, user === caller.user ? 'leave' : 'remove', (held) => decideRemove(held, user, v7));
    },
  );

  async function writeNew(tx: pg.PoolClient, { conversation, facts }: Decision): Promise<void> {
    const created = facts[0];
    if (created && (await insertConversation(tx, conversation, created.id))) await insertFacts(tx, facts);
  }

  async function change(
    reply: FastifyReply,
    caller: UserIdentity,
    id: string,
    right: ConversationRight,
    decide: (held: Conversation) => Decision,
  ): Promise<CommandReply> {
    const facts = await transaction(db, async (tx) => {
      const decision = decide(await accessConversation(tx, caller.user, id, right));
      if (decision.facts.length === 0) return [];
      await saveConversation(tx, decision.conversation);
      await insertFacts(tx, decision.facts);
      return decision.facts;
    });
    const last = facts.at(-1);
    if (!last) return { id };
    return sendPlaced(reply, 200, id, await relay.waitForPosition(last.id));
  }

  /** Also for a conversation that was there: its creation may be so old that the outbox has forgotten it. */
  async function sendCreated(reply: FastifyReply, code: 200 | 201, id: string): Promise<CommandReply> {
    const [view] = await selectViews(db, [id]);
    if (view && view.createdPosition !== null) return sendPlaced(reply, code, id, view.createdPosition);
    const event = await selectCreatedEvent(db, id);
    return sendPlaced(reply, code, id, event === undefined ? undefined : await relay.waitForPosition(event));
  }
}

function sendPlaced(reply: FastifyReply, code: 200 | 201, id: string, position: number | undefined): CommandReply {
  reply.code(position === undefined ? 202 : code);
  return position === undefined ? { id } : { id, position };
}

async function requireUsers(context: CommandContext, users: string[]): Promise<void> {
  if (users.length === 0) return;
  const found = new Set(
    await context.findUsers(users).catch((error: unknown) => {
      throw isUnavailable(error) ? new ProblemError('unavailable') : error;
    }),
  );
  const missing = users.find((user) => !found.has(user));
  if (missing !== undefined) throw new ProblemError('not-found', { detail: `There is no user ${missing}.` });
}
