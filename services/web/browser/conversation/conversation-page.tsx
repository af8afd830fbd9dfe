import { useEffect, useState } from 'react';
import { useClient, useClientState, useProfile } from '../client-state.ts';
import { otherUser, pictureOf, presentParticipants, titleOf } from '../conversations/titles.ts';
import { Avatar } from '../parts/avatar.tsx';
import { ConnectionBanner } from '../parts/connection-line.tsx';
import { focusConversation, hasFinePointer } from '../parts/focus.ts';
import { Link } from '../parts/link.tsx';
import { usePageTitle } from '../parts/page-title.ts';
import { Composer } from './composer.tsx';
import { GroupDialog } from './group-dialog.tsx';
import { MessageList } from './message-list.tsx';

export function ConversationPage({ id, isAway }: { id: string; isAway: boolean }) {
  const client = useClient();
  const item = useClientState((state) => state.conversations.find(({ conversation }) => conversation.id === id));
  const loaded = useClientState((state) => state.loaded);
  const range = useClientState((state) => state.ranges.get(id));
  const me = useClientState(({ user }) => user);
  const title = useClientState((state) => (item ? titleOf(item, state) : null));
  const other = useProfile(item && otherUser(item, me));
  const [showsDetails, setShowsDetails] = useState(false);
  const isHeld = item !== undefined;

  useEffect(() => {
    // Again once the list holds it, for then its members' names are wanted too.
    if (loaded || isHeld) void client.openConversation(id);
  }, [client, id, loaded, isHeld]);
  useEffect(() => {
    // The composer takes the focus by itself, where it may.
    if (isHeld && !hasFinePointer()) focusConversation();
  }, [isHeld]);
  usePageTitle(title === null ? 'Starling' : `${title} · Starling`);

  const back = (
    <Link href="/" className="icon-button back" aria-label="Back to conversations">
      <svg viewBox="0 0 20 20" aria-hidden="true">
        <path d="M12 4l-6 6 6 6" />
      </svg>
    </Link>
  );

  // What one writes shows also where what was written before could not be loaded.
  const hasSends = useClientState(({ sends }) => (sends.get(id)?.length ?? 0) > 0);

  if (!item) {
    const isMissing = loaded && range?.load === 'failed';
    return (
      <main className="conversation">
        <header className="conversation-header">{back}</header>
        <div className="empty-page">
          <p>{isMissing ? 'There is no such conversation, or you are not in it any more.' : 'Opening…'}</p>
        </div>
      </main>
    );
  }

  const isGroup = item.conversation.kind === 'group';
  const count = presentParticipants(item).length;
  return (
    <main className="conversation">
      <header className="conversation-header">
        {back}
        <Avatar id={pictureOf(item, me)} name={title ?? ''} />
        <div className="conversation-titles">
          <h2 tabIndex={-1}>{title}</h2>
          <p className="muted">{isGroup ? `${count} ${count === 1 ? 'member' : 'members'}` : other && `@${other.handle}`}</p>
        </div>
        {isGroup && (
          <button type="button" className="button" aria-label="Group details" onClick={() => setShowsDetails(true)}>
            Details
          </button>
        )}
      </header>
      {range?.load === 'failed' && (
        <p role="alert" className="error load-error">
          Messages could not be loaded: {range.error?.message}{' '}
          <button type="button" className="link-button" onClick={() => void client.openConversation(id)}>
            Try again
          </button>
        </p>
      )}
      {range && (range.load === 'ready' || range.messages.length > 0 || (range.load === 'failed' && hasSends)) ? (
        <MessageList conversation={id} range={range} />
      ) : (
        <div className="messages">{range?.load !== 'failed' && <p className="hint no-messages">Loading messages…</p>}</div>
      )}
      {isAway && <ConnectionBanner />}
      <Composer conversation={id} />
      {showsDetails && <GroupDialog item={item} onClose={() => setShowsDetails(false)} />}
    </main>
  );
}
