/** What one tab tells the others of the same browser. */
export interface SessionNews {
  type: 'logged-in' | 'logged-out';
  /** Who. */
  user: string;
}

export interface SessionChannel {
  announce(news: SessionNews): void;
  close(): void;
}

/** @param hear hears what other tabs announce, never what this one does. */
export function openSessionChannel(hear: (news: SessionNews) => void): SessionChannel {
  const channel = new BroadcastChannel('starling-session');
  channel.addEventListener('message', ({ data }) => hear(data as SessionNews));
  return { announce: (news) => channel.postMessage(news), close: () => channel.close() };
}

/** What it means for a tab that shows, or last showed, `shown`: its session has gone on, ended, or become another's. */
export function judgeNews({ type, user }: SessionNews, shown: string | null): 'nothing' | 'logged-out' | 'other-user' | 'enter' {
  if (type === 'logged-out') return user === shown ? 'logged-out' : 'nothing';
  return shown === null || user === shown ? 'enter' : 'other-user';
}
