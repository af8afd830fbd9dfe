import type { Profile } from '@starling/contracts/events';
import type {
  CommandReply,
  ConversationSnapshot,
  HistoryQuery,
  HistoryReply,
  ProfileChange,
  ProfilesReply,
  SnapshotReply,
} from '@starling/contracts/http';
import { v7 } from 'uuid';
import { ApiError } from './errors.ts';
import type { Call, Request } from './request.ts';

/** The REST calls. Each throws an ApiError with the server's problem, or a NetworkError when no answer came. */
export type Api = ReturnType<typeof createApi>;

/** @param commanded hears where each command's fact stands, when the server said so. */
export function createApi(request: Request, commanded: (conversation: string, position: number) => void) {
  async function get<T>(path: string): Promise<T> {
    return (await request<T>({ method: 'GET', path, repeatable: true })).body;
  }

  /** A reply without a position (202) is success too: done, but not read back yet. */
  async function command(call: Call): Promise<CommandReply> {
    const { body } = await request<CommandReply>(call);
    if (body.position !== undefined) commanded(body.id, body.position);
    return body;
  }

  return {
    /** At most 20 people whose handle or a word of whose name begins with `search`. */
    searchUsers: async (search: string): Promise<Profile[]> =>
      (await get<ProfilesReply>(`/v1/users?search=${encodeURIComponent(search)}`)).users,

    /** Profiles by id, at most 200; unknown ids are left out. */
    cards: async (users: string[]): Promise<Profile[]> =>
      (await request<ProfilesReply>({ method: 'POST', path: '/v1/users/cards', body: { users }, repeatable: true })).body.users,

    me: (): Promise<Profile> => get('/v1/users/me'),

    updateMe: async (change: ProfileChange): Promise<Profile> =>
      (await request<Profile>({ method: 'PATCH', path: '/v1/users/me', body: change })).body,

    /** The one private conversation with this user, created if need be. */
    openPrivate: (user: string): Promise<CommandReply> =>
      command({ method: 'PUT', path: `/v1/conversations/private/${user}`, repeatable: true }),

    /** @param participants the others, at most 99. @param idempotencyKey a UUID: the same key makes the same group. */
    createGroup: (name: string, participants: string[], idempotencyKey: string = v7()): Promise<CommandReply> =>
      command({
        method: 'POST',
        path: '/v1/conversations',
        body: { name, participants },
        headers: { 'idempotency-key': idempotencyKey },
        repeatable: true,
      }),

    rename: (conversation: string, name: string): Promise<CommandReply> =>
      command({ method: 'PATCH', path: `/v1/conversations/${conversation}`, body: { name } }),

    addParticipant: (conversation: string, user: string): Promise<CommandReply> =>
      forgiving(conversation, { method: 'PUT', path: `/v1/conversations/${conversation}/participants/${user}`, repeatable: true }),

    /** To leave, name yourself. */
    removeParticipant: (conversation: string, user: string): Promise<CommandReply> =>
      forgiving(conversation, { method: 'DELETE', path: `/v1/conversations/${conversation}/participants/${user}`, repeatable: true }),

    /** Messages by ascending position: those before `before`, or from `from` on, or the newest. */
    history: (conversation: string, { before, from, limit, after }: HistoryQuery = {}): Promise<HistoryReply> => {
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries({ before, from, limit, after })) if (value !== undefined) query.set(name, String(value));
      return get(`/v1/conversations/${conversation}/messages${query.size > 0 ? `?${query}` : ''}`);
    },

    conversation: (id: string): Promise<ConversationSnapshot> => get(`/v1/conversations/${id}`),

    /** One page of the list, newest first. */
    snapshot: (page?: string): Promise<SnapshotReply> =>
      get(`/v1/snapshot${page === undefined ? '' : `?page=${encodeURIComponent(page)}`}`),
  };

  /** If an earlier try got no answer, a later one may find that it was done: that is success. */
  async function forgiving(conversation: string, call: Call): Promise<CommandReply> {
    try {
      return await command(call);
    } catch (error) {
      if (
        error instanceof ApiError &&
        error.repeated &&
        (error.code === 'already-so' || (call.method === 'DELETE' && error.status === 404))
      ) {
        return { id: conversation };
      }
      throw error;
    }
  }
}
