import type { ConnectionStatus } from '@starling/client';
import { useEffect, useState } from 'react';
import { useClient, useClientState } from '../client-state.ts';
import { PATIENCE } from './away.ts';

const WORDS: Record<ConnectionStatus, string> = {
  stopped: 'Not connected',
  connecting: 'Connecting…',
  'catching-up': 'Catching up…',
  live: 'Connected',
  waiting: 'Connection lost. Trying again…',
  failed: 'Not connected',
};

/** Says how the connection is. Its single attempts are not told apart once it is lost: they would be read out one by one. */
export function ConnectionLine({ offersRetry }: { offersRetry: boolean }) {
  const client = useClient();
  const status = useClientState(({ connection, loaded }) => (connection === 'connecting' && loaded ? 'waiting' : connection));
  const [shown, setShown] = useState(status);
  useEffect(() => {
    const timer = setTimeout(() => setShown(status), status === 'live' ? 0 : PATIENCE);
    return () => clearTimeout(timer);
  }, [status]);
  return (
    <div className="connection-line" data-status={shown}>
      <p role="status" aria-live="polite">
        {WORDS[shown]}
      </p>
      {offersRetry && shown === 'waiting' && (
        <button type="button" className="link-button" onClick={() => client.nudge()}>
          Try now
        </button>
      )}
    </div>
  );
}

/** The same where one writes, hard to overlook. The line's status is what is read out. */
export function ConnectionBanner() {
  const client = useClient();
  const loaded = useClientState((state) => state.loaded);
  return (
    <div className="connection-banner">
      <p>{loaded ? 'The connection is lost. What you write is sent when it is back.' : 'Connecting…'}</p>
      <button type="button" className="button" onClick={() => client.nudge()}>
        Try now
      </button>
    </div>
  );
}
