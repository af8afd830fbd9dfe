import { useCallback, useEffect, useEffectEvent, useRef, useState } from 'react';
import { useClient, useClientState } from './client-state.ts';
import { navigate } from './router.ts';
import { type Arrival, takeArrival } from './session/arrival.ts';
import { EntryPage } from './session/entry-page.tsx';
import type { EntryNotice } from './session/entry-step.ts';
import { Notice } from './session/notice.tsx';
import { judgeNews, openSessionChannel, type SessionChannel, type SessionNews } from './session/other-tabs.ts';
import { Shell } from './shell.tsx';

type Session = 'asking' | 'none' | 'present' | { error: string };

/** These are gone through whoever is logged in. */
const BEFORE_ALL: Arrival['page'][] = ['reset', 'second-factor', 'link'];

/**
 * Entry or conversations, by whether somebody is logged in.
 *
 * @param arrived what the link led to by which the page was opened.
 */
export function App({ arrived }: { arrived: Arrival | null }) {
  const client = useClient();
  const failure = useClientState((state) => state.failure);
  const [session, setSession] = useState<Session>('asking');
  const [arrival, setArrival] = useState(arrived);
  const [notice, setNotice] = useState<EntryNotice>();
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

  useEffect(() => {
    // A link that is opened where such a page is shown already changes the fragment and loads nothing.
    const arriveAgain = () => {
      const next = takeArrival();
      if (next !== null) setArrival(next);
    };
    addEventListener('hashchange', arriveAgain);
    return () => removeEventListener('hashchange', arriveAgain);
  }, []);

  const leaveArrival = (said?: EntryNotice) => {
    setArrival(null);
    setNotice(said);
    navigate('/', 'replace');
  };
  const onEnter = (user: string) => {
    if (arrival !== null) leaveArrival();
    setNotice(undefined);
    channel.current?.announce({ type: 'logged-in', user });
    enter(user);
  };
  const onLoggedOut = () => {
    if (shown.current !== null) channel.current?.announce({ type: 'logged-out', user: shown.current });
    shown.current = null;
    setSession('none');
  };

  if (arrival !== null && BEFORE_ALL.includes(arrival.page)) {
    const onLeave = (said?: EntryNotice) => {
      leaveArrival(said);
      ask();
    };
    return <EntryPage key={keyOf(arrival)} arrival={arrival} onEnter={onEnter} onLeave={onLeave} />;
  }
  if (session === 'asking') return <Notice text="Loading…" />;
  if (typeof session === 'object') return <Notice text={session.error} action="Try again" onAction={ask} />;
  if (session === 'none') return <EntryPage key={keyOf(arrival)} arrival={arrival} onEnter={onEnter} notice={notice} />;
  if (failure?.kind === 'refused') return <Notice text={failure.message} action="Connect again" onAction={() => client.start()} />;
  if (failure) return <EntryPage key={keyOf(arrival)} arrival={arrival} onEnter={onEnter} notice={notice ?? failure.message} />;
  if (arrival?.page === 'invite') {
    const text = 'You have an account, and are logged in. The invite is for somebody who has none.';
    return <Notice text={text} action="Go to your conversations" onAction={() => leaveArrival()} />;
  }
  return <Shell onLoggedOut={onLoggedOut} />;
}

/** Another link begins anew. */
function keyOf(arrival: Arrival | null): string {
  return JSON.stringify(arrival);
}
