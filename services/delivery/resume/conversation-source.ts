import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import type { Participation } from '@starling/contracts/log';
import { ConversationService, type Participation as ParticipationMessage } from '@starling/contracts/rpc';
import { onBehalfOf } from '@starling/platform/rpc';
import type { UserIdentity } from '@starling/platform/tokens';
import { BehindError, type ParticipationSource } from './members.ts';

/** What a pod asks of `conversation`. */
export interface ConversationSource extends ParticipationSource {
  /** Throws {@link BehindError} when the projection has not reached `projected`. */
  findPost(
    author: UserIdentity,
    conversation: string,
    client: string,
    projected: number,
  ): Promise<{ position: number; at: number } | undefined>;
}

export function createConversationSource(transport: Transport): ConversationSource {
  const client = createClient(ConversationService, transport);
  return {
    async loadMany(users) {
      const { at, participations } = await client.loadParticipations({ users });
      return {
        at,
        participations: participations.map((loaded) => ({
          conversation: loaded.conversation,
          user: loaded.user,
          participation: fromMessage(loaded),
        })),
      };
    },
    async loadOne(conversation, user) {
      const { at, participation } = await client.loadParticipation({ conversation, user }).catch(explainBehind);
      return { at, participation: participation && fromMessage(participation) };
    },
    async findPost(author, conversation, clientId, projected) {
      const { position, at } = await client
        .findPost({ conversation, client: clientId, projected }, onBehalfOf(author))
        .catch(explainBehind);
      return position === undefined || at === undefined ? undefined : { position, at };
    },
  };
}

function explainBehind(error: unknown): never {
  throw error instanceof ConnectError && error.code === Code.FailedPrecondition ? new BehindError(error.rawMessage) : error;
}

function fromMessage({ rev, spans }: ParticipationMessage): Participation {
  return { rev, spans: spans.map(({ role, from, to, visibleFrom }) => ({ role, from, to: to ?? null, visibleFrom })) };
}
