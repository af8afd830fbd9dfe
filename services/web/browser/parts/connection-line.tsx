import type { ConnectionStatus } from '@starling/client';
import { useEffect, useState } from 'react';
import { useClientState } from '../client-state.ts';

const WORDS: Record<ConnectionStatus, string> = {
  stopped: 'Not connected',
  connecting: 'Connecting…',
  'catching-up': 'Catching up…',
  live: 'Connected',
  waiting: 'Connection lost. Trying again…',
  failed: 'Not connected',
};

/** A break of less than that many ms is not worth a word. */
const PATIENCE = 800;

/** Says how the connection is. Its single attempts are not told apart once it is lost: they would be read out one by one. */
export function ConnectionLine() {
  const status = useClientState(({ connection, loaded }) => (connection === 'connecting' && loaded ? 'waiting' : connection));
  const [shown, setShown] = useState(status);
  useEffect(() => {
    const timer = setTimeout(() => setShown(status), status === 'live' ? 0 : PATIENCE);
    return () => clearTimeout(timer);
  }, [status]);
  return (
    <p role="status" aria-live="polite" className="connection-line" data-status={shown}>
      {WORDS[shown]}
    </p>
  );
}
