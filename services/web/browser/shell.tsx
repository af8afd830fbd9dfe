import { useEffect, useRef, useState } from 'react';
import { AccountDialog } from './account/account-dialog.tsx';
import { useClient, useClientState, useProfile } from './client-state.ts';
import { ConversationPage } from './conversation/conversation-page.tsx';
import { ConversationList } from './conversations/conversation-list.tsx';
import { NewGroupDialog } from './conversations/new-group-dialog.tsx';
import { Avatar } from './parts/avatar.tsx';
import { useAway } from './parts/away.ts';
import { ConnectionLine } from './parts/connection-line.tsx';
import { focusConversation, focusList, isFocusLost } from './parts/focus.ts';
import { Link } from './parts/link.tsx';
import { usePageTitle } from './parts/page-title.ts';
import { FindPeople } from './people/find-people.tsx';
import { ProfileDialog } from './profile/profile-dialog.tsx';
import { conversationPath } from './route.ts';
import { navigate, useRoute } from './router.ts';
import { LogOutDialog } from './session/log-out-dialog.tsx';

/** The list beside the conversation; on a narrow screen one of the two. */
export function Shell({ onLoggedOut }: { onLoggedOut: () => void }) {
  const client = useClient();
  const route = useRoute();
  const conversation = route.page === 'conversation' ? route.conversation : null;
  const isAway = useAway();
  const me = useClientState(({ user }) => user) ?? '';
  const profile = useProfile(me);
  const [dialog, setDialog] = useState<'group' | 'profile' | 'account' | { unsent: number } | null>(null);
  const [error, setError] = useState<string | null>(null);

  const before = useRef<string | null>(null);
  useEffect(() => {
    const left = before.current;
    before.current = conversation;
    if (route.page === 'list' && isFocusLost()) focusList(left);
  }, [route, conversation]);

  const openPrivate = async (user: string) => {
    setError(null);
    try {
      const { id } = await client.openPrivate(user);
      // A conversation that is opened takes the focus; one that is open already does not do so by itself.
      if (id === conversation) focusConversation();
      else navigate(conversationPath(id));
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  const askToLogOut = () => {
    const unsent = client.countUnsent();
    if (unsent > 0) setDialog({ unsent });
    else void logOut();
  };
  const logOut = async () => {
    setError(null);
    setDialog(null);
    try {
      await client.logOut();
      navigate('/', 'replace');
      onLoggedOut();
    } catch (failure) {
      setError((failure as Error).message);
    }
  };

  return (
    <div className="shell" data-showing={route.page === 'list' ? 'list' : 'conversation'}>
      <aside className="sidebar" aria-label="Conversations and people">
        <header className="sidebar-header">
          <h1 className="brand" tabIndex={-1}>
            <img src="/favicon.svg" alt="" width="28" height="28" />
            <span>Starling</span>
          </h1>
          <button type="button" className="button" onClick={() => setDialog('group')}>
            New group
          </button>
        </header>
        <FindPeople onChoose={openPrivate} exclude={[me]} />
        {error !== null && (
          <p role="alert" className="error sidebar-error">
            {error}
          </p>
        )}
        <ConversationList current={conversation} />
        <footer className="sidebar-footer">
          <button type="button" className="profile-button" aria-label="Your profile" onClick={() => setDialog('profile')}>
            <Avatar id={me} name={profile?.name ?? ''} size="small" />
            <span className="profile-names">
              <strong>{profile?.name ?? '…'}</strong>
              <span className="muted">{profile ? `@${profile.handle}` : ''}</span>
            </span>
          </button>
          <button type="button" className="icon-button" aria-label="Your account" title="Your account" onClick={() => setDialog('account')}>
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <circle cx="8" cy="16" r="4.25" />
              <path d="M11 13l9-9M16 8l3.25 3.25" />
            </svg>
          </button>
          <button type="button" className="button button-quiet" onClick={askToLogOut}>
            Log out
          </button>
        </footer>
      </aside>
      {route.page === 'conversation' && <ConversationPage key={route.conversation} id={route.conversation} isAway={isAway} />}
      {route.page === 'list' && <ListAlone />}
      {route.page === 'unknown' && <NoSuchPage />}
      <ConnectionLine offersRetry={route.page !== 'conversation'} />
      {dialog === 'group' && <NewGroupDialog onClose={() => setDialog(null)} />}
      {dialog === 'profile' && <ProfileDialog onClose={() => setDialog(null)} />}
      {dialog === 'account' && <AccountDialog onClose={() => setDialog(null)} />}
      {dialog !== null && typeof dialog === 'object' && (
        <LogOutDialog unsent={dialog.unsent} onStay={() => setDialog(null)} onLogOut={() => void logOut()} />
      )}
    </div>
  );
}

function ListAlone() {
  usePageTitle('Starling');
  return (
    <main className="empty-page">
      <p>Choose a conversation, or find people to start one.</p>
    </main>
  );
}

function NoSuchPage() {
  usePageTitle('No such page · Starling');
  return (
    <main className="empty-page">
      <h2>There is no such page</h2>
      <p>
        Its address may be mistyped. <Link href="/">Go to your conversations</Link>
      </p>
    </main>
  );
}
