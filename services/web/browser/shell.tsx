import { useState } from 'react';
import { useClient, useClientState, useProfile } from './client-state.ts';
import { ConversationPage } from './conversation/conversation-page.tsx';
import { ConversationList } from './conversations/conversation-list.tsx';
import { NewGroupDialog } from './conversations/new-group-dialog.tsx';
import { Avatar } from './parts/avatar.tsx';
import { ConnectionLine } from './parts/connection-line.tsx';
import { FindPeople } from './people/find-people.tsx';
import { ProfileDialog } from './profile/profile-dialog.tsx';
import { conversationPath, navigate, useRoute } from './router.ts';

/** The list beside the conversation; on a narrow screen one of the two. */
export function Shell({ onLoggedOut }: { onLoggedOut: () => void }) {
  const client = useClient();
  const { conversation } = useRoute();
  const me = useClientState(({ user }) => user) ?? '';
  const profile = useProfile(me);
  const [dialog, setDialog] = useState<'group' | 'profile' | null>(null);
  const [error, setError] = useState<string | null>(null);

  const openPrivate = async (user: string) => {
    setError(null);
    try {
      navigate(conversationPath((await client.openPrivate(user)).id));
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  const logOut = async () => {
    setError(null);
    try {
      await client.logOut();
      navigate('/', 'replace');
      onLoggedOut();
    } catch (failure) {
      setError((failure as Error).message);
    }
  };

  return (
    <div className="shell" data-showing={conversation === null ? 'list' : 'conversation'}>
      <aside className="sidebar" aria-label="Conversations and people">
        <header className="sidebar-header">
          <h1 className="brand">
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
          <button type="button" className="button button-quiet" onClick={() => void logOut()}>
            Log out
          </button>
        </footer>
      </aside>
      {conversation === null ? (
        <main className="empty-page">
          <p>Choose a conversation, or find people to start one.</p>
        </main>
      ) : (
        <ConversationPage key={conversation} id={conversation} />
      )}
      <ConnectionLine />
      {dialog === 'group' && <NewGroupDialog onClose={() => setDialog(null)} />}
      {dialog === 'profile' && <ProfileDialog onClose={() => setDialog(null)} />}
    </div>
  );
}
