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

/** Says how the connection is. A break of less than a second is not worth a word. */
export function ConnectionLine() {
  const status = useClientState(({ connection }) => connection);
  const [shown, setShown] = useState(status);
  useEffect(() => {
    const timer = setTimeout(() => setShown(status), status === 'live' ? 0 : 800);
    return () => clearTimeout(timer);
  }, [status]);
  return (
    <p role="status" aria-live="polite" className="connection-line" data-status={shown}>
      {WORDS[shown]}
    </p>
  );
}
