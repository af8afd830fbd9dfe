import type { ConversationRole, SystemRole } from './roles.ts';

const EVERYBODY = ['owner', 'admin', 'member', 'guest', 'bot'] as const;
const PEOPLE = ['owner', 'admin', 'member', 'guest'] as const;
const MEMBERS = ['owner', 'admin', 'member'] as const;
const STAFF = ['owner', 'admin'] as const;

/** What each system role may do. Within a conversation its own roles decide on top of that. */
export const RIGHTS = {
  /** See and change the own profile, see the profiles of people by id. */
  'profiles.use': EVERYBODY,
  /** Find people whom one has nothing to do with yet. */
  'directory.search': [...MEMBERS, 'bot'],
  /** Begin a private conversation or a group. */
  'conversations.create': [...MEMBERS, 'bot'],
  /** Bring others in where one takes part and its roles allow it. */
  'participants.add': [...MEMBERS, 'bot'],
  /** Read and post where one takes part, and what the conversation's roles allow there. */
  'conversations.use': EVERYBODY,
  /** The own password, email, second factor, passkeys and sessions. */
  'account.use': PEOPLE,
  /** List, disable, and change the role of accounts; make invites. Owners can be changed by owners only. */
  'accounts.administer': STAFF,
} as const satisfies Record<string, readonly SystemRole[]>;

export type Right = keyof typeof RIGHTS;

export function hasRight(role: SystemRole, right: Right): boolean {
  return (RIGHTS[right] as readonly SystemRole[]).includes(role);
}

/** What a participant may do in a conversation; being one is the condition for all of it. */
export const CONVERSATION_RIGHTS = {
  private: { owner: ['read'], member: ['read'] },
  group: { owner: ['read', 'rename', 'add', 'leave', 'remove'], member: ['read', 'rename', 'add', 'leave'] },
} as const satisfies Record<'private' | 'group', Record<ConversationRole, readonly string[]>>;

export type ConversationRight = (typeof CONVERSATION_RIGHTS)['group']['owner'][number];

export function hasConversationRight(kind: 'private' | 'group', role: ConversationRole, right: ConversationRight): boolean {
  return (CONVERSATION_RIGHTS[kind][role] as readonly ConversationRight[]).includes(right);
}
