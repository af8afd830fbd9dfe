import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { partitionOf, type Span } from '@starling/contracts/log';
import { ConversationService, type Participation, ParticipationSchema } from '@starling/contracts/rpc';
import type { Clock } from '@starling/platform/clock';
import { transaction } from '@starling/platform/db';
import type { EventLog } from '@starling/platform/log';
import { type Projection, selectNextOffsets } from '@starling/platform/projection';
import { rpcUser } from '@starling/platform/rpc';
import type pg from 'pg';
import type { ParticipationView } from '../domain/views.ts';
import { isParticipant } from '../store/commands.ts';
import { selectParticipation, selectParticipationsOf, selectPost } from '../store/read-models.ts';

export interface RpcContext {
  db: pg.Pool;
  log: EventLog;
  projection: Projection;
  clock: Clock;
}

const WAIT_MS = 2_000;
/** Participations that ended before the oldest record of the log cannot concern a ring. */
const LOG_RETENTION_MS = 7 * 86_400_000;
const USERS_LIMIT = 1_000;

export function conversationRpc(router: ConnectRouter, { db, log, projection, clock }: RpcContext): void {
  const partitions = log.partitions.conversations;
  router.service(ConversationService, {
    async loadParticipations({ users }) {
      if (users.length > USERS_LIMIT) throw new ConnectError(`at most ${USERS_LIMIT} users`, Code.InvalidArgument);
      return transaction(
        db,
        async (tx) => ({
          at: await selectNextOffsets(tx, log, 'conversations'),
          participations: (await selectParticipationsOf(tx, users, clock.now() - LOG_RETENTION_MS)).map(toMessage),
        }),
        'REPEATABLE READ',
      );
    },

    async loadParticipation({ conversation, user }) {
      return transaction(
        db,
        async (tx) => {
          const at = (await selectNextOffsets(tx, log, 'conversations'))[partitionOf(conversation, partitions)] ?? 0;
          const found = await selectParticipation(tx, conversation, user);
          // Added by a command whose fact has not come back from the log: not "takes no part", but "not yet".
          if (!found?.participant.present && (await isParticipant(tx, user, conversation))) {
            throw new ConnectError('the projection is behind the last command', Code.FailedPrecondition);
          }
          return found ? { at, participation: toMessage(found) } : { at };
        },
        'REPEATABLE READ',
      );
    },

    async findPost({ conversation, client, projected }, context) {
      const { user } = rpcUser(context);
      const reached = await projection.waitFor(partitionOf(conversation, partitions), projected, WAIT_MS);
      if (!reached) throw new ConnectError('the projection is behind', Code.FailedPrecondition);
      return (await selectPost(db, conversation, user, client)) ?? {};
    },
  });
}

function toMessage({ conversation, participant, spans }: ParticipationView): Participation {
  return create(ParticipationSchema, {
    conversation,
    user: participant.user,
    rev: participant.rev,
    spans: spans.map(({ role, from, to, visibleFrom }: Span) => ({ role, from, visibleFrom, ...(to === null ? {} : { to }) })),
  });
}
