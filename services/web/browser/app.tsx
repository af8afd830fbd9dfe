import { useCallback, useEffect, useState } from 'react';
import { useClient, useClientState } from './client-state.ts';
import { EntryPage } from './session/entry-page.tsx';
import { Notice } from './session/notice.tsx';
import { Shell } from './shell.tsx';

type Session = 'asking' | 'none' | 'present' | { error: string };

/** Entry or conversations, by whether somebody is logged in. */
export function App() {
  const client = useClient();
  const failure = useClientState((state) => state.failure);
  const [session, setSession] = useState<Session>('asking');

  const enter = useCallback(() => {
    client.start();
    setSession('present');
  }, [client]);
  const ask = useCallback(() => {
    setSession('asking');
    client.currentUser().then(
      (user) => (user === null ? setSession('none') : enter()),
      (error: Error) => setSession({ error: error.message }),
    );
  }, [client, enter]);
  useEffect(ask, [ask]);

  if (session === 'asking') return <Notice text="Loading…" />;
  if (typeof session === 'object') return <Notice text={session.error} action="Try again" onAction={ask} />;
  if (session === 'none') return <EntryPage onEnter={enter} />;
  if (failure?.kind === 'logged-out') return <EntryPage onEnter={enter} notice="Your session has ended. Log in again to go on." />;
  if (failure) return <Notice text={failure.message} action="Connect again" onAction={() => client.start()} />;
  return <Shell onLoggedOut={() => setSession('none')} />;
}
