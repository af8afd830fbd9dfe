import { useEffect } from 'react';
import { useClientState } from '../client-state.ts';
import { countUnread } from '../conversations/unread.ts';

/** What the browser shows on the tab: in front, how many conversations have something new. */
export function usePageTitle(title: string): void {
  const unread = useClientState(countUnread);
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${title}` : title;
  }, [title, unread]);
}
