import type { ConversationSnapshot } from '@starling/contracts/http';
import { useClientState } from '../client-state.ts';
import { Avatar } from '../parts/avatar.tsx';
import { Link } from '../parts/link.tsx';
import { formatShort } from '../parts/times.ts';
import { conversationPath } from '../route.ts';
import { pictureOf, titleOf } from './titles.ts';
import { isUnread } from './unread.ts';

/** All conversations, the one with the newest message first. */
export function ConversationList({ current }: { current: string | null }) {
  const conversations = useClientState((state) => state.conversations);
  const loaded = useClientState((state) => state.loaded);
  return (
    <nav className="conversation-list" aria-label="Conversations">
      {conversations.length === 0 && (
        <p className="hint">{loaded ? 'No conversations yet. Find people above, or make a group.' : 'Loading conversations…'}</p>
      )}
      <ul>
        {conversations.map((item) => (
          <li key={item.conversation.id}>
            <Entry item={item} isCurrent={item.conversation.id === current} />
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Entry({ item, isCurrent }: { item: ConversationSnapshot; isCurrent: boolean }) {
  const me = useClientState(({ user }) => user);
  const title = useClientState((state) => titleOf(item, state));
  const hasNews = useClientState((state) => isUnread(item, state));
  const preview = useClientState(({ profiles }) => {
    const message = item.lastMessage;
    if (!message) return 'No messages yet';
    if (message.author === me) return `You: ${message.body}`;
    return item.conversation.kind === 'private' ? message.body : `${profiles.get(message.author)?.name ?? '…'}: ${message.body}`;
  });
  return (
    <Link
      href={conversationPath(item.conversation.id)}
      className="conversation-entry"
      data-news={hasNews}
      aria-current={isCurrent ? 'page' : undefined}
    >
      <Avatar id={pictureOf(item, me)} name={title} />
      <span className="entry-title">{title}</span>
      <time className="entry-time" dateTime={new Date(item.lastAt).toISOString()}>
        {formatShort(item.lastAt)}
      </time>
      <span className="entry-preview">{preview.slice(0, 200)}</span>
      {hasNews && (
        <span className="entry-news">
          <span className="visually-hidden">new messages</span>
        </span>
      )}
    </Link>
  );
}
