import { createRouterTransport, type Transport } from '@connectrpc/connect';
import { ConversationService } from '@starling/contracts/rpc';

/** Not the conversation service: it answers that whoever is asked for has always been a member of the one conversation. */
export function createFakeConversation(conversation: string): Transport {
  const participationOf = (user: string) => ({
    conversation,
    user,
    rev: 1,
    spans: [{ role: 'member', from: 0, visibleFrom: 0 }],
  });
  return createRouterTransport(({ service }) => {
    service(ConversationService, {
      loadParticipations: ({ users }) => ({ at: [0], participations: users.map(participationOf) }),
      loadParticipation: ({ user }) => ({ at: 0, participation: participationOf(user) }),
      findPost: () => ({}),
    });
  });
}
