import { useCallback, useEffect, useEffectEvent, useRef, useState } from 'react';
import { useClient, useClientState } from './client-state.ts';
import { navigate } from './router.ts';
import { EntryPage } from './session/entry-page.tsx';
import { Notice } from './session/notice.tsx';
import { judgeNews, openSessionChannel, type SessionChannel, type SessionNews } from './session/other-tabs.ts';
import { Shell } from './shell.tsx';

type Session = 'asking' | 'none' | 'present' | { error: string };

/** Entry or conversations, by whether somebody is logged in. */
export function App() {
  const client = useClient();
  const failure = useClientState((state) => state.failure);
  const [session, setSession] = useState<Session>('asking');
  /** Whom this tab shows, or has shown until their session ended. */
  const shown = useRef<string | null>(null);
  const channel = useRef<SessionChannel>(null);

  const enter = useCallback(
    (user: string) => {
      // Where somebody else was is no place for this one.
      if (shown.current !== null && shown.current !== user) navigate('/', 'replace');
      shown.current = user;
      client.start();
      setSession('present');
    },
    [client],
  );
  const ask = useCallback(() => {
    setSession('asking');
    client.currentUser().then(
      (user) => (user === null ? setSession('none') : enter(user)),
      (error: Error) => setSession({ error: error.message }),
    );
  }, [client, enter]);
  useEffect(ask, [ask]);

  const hear = useEffectEvent((news: SessionNews) => {
    const meaning = judgeNews(news, shown.current);
    if (meaning === 'logged-out' || meaning === 'other-user') client.endSession(meaning);
    if (meaning === 'enter' && (session !== 'present' || failure !== null)) ask();
  });
  useEffect(() => {
    const opened = openSessionChannel((news) => hear(news));
    channel.current = opened;
    return () => opened.close();
  }, []);

  const onEnter = (user: string) => {
    channel.current?.announce({ type: 'logged-in', user });
    enter(user);
  };
  const onLoggedOut = () => {
    if (shown.current !== null) channel.current?.announce({ type: 'logged-out', user: shown.current });
    shown.current = null;
    setSession('none');
  };

  if (session === 'asking') return <Notice text="Loading…" />;
  if (typeof session === 'object') return <Notice text={session.error} action="Try again" onAction={ask} />;
  if (session === 'none') return <EntryPage onEnter={onEnter} />;
  if (failure?.kind === 'refused') return <Notice text={failure.message} action="Connect again" onAction={() => client.start()} />;
  if (failure) return <EntryPage onEnter={onEnter} notice={failure.message} />;
  return <Shell onLoggedOut={onLoggedOut} />;
}
