import { useEffect, useState } from 'react';
import { useClientState } from '../client-state.ts';

/** A break of less than that many ms is not worth a word. */
export const PATIENCE = 800;

/** Whether there has been no live connection for a while. */
export function useAway(): boolean {
  const isLive = useClientState(({ connection }) => connection === 'live');
  const [isAway, setAway] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setAway(!isLive), isLive ? 0 : PATIENCE);
    return () => clearTimeout(timer);
  }, [isLive]);
  return isAway && !isLive;
}
