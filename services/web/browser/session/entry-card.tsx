import { type ReactNode, useEffect, useState } from 'react';
import { usePageTitle } from '../parts/page-title.ts';
import type { EntryNotice } from './entry-step.ts';

/** The frame of what people see before they are logged in. */
export function EntryCard({ title, notice, children }: { title: string; notice?: EntryNotice | undefined; children: ReactNode }) {
  usePageTitle(`${title} · Starling`);
  const done = typeof notice === 'object' ? notice.done : '';
  // Only what comes into a status that is there already is announced.
  const [said, setSaid] = useState('');
  useEffect(() => setSaid(done), [done]);
  return (
    <main className="entry">
      <div className="entry-card">
        <p className="brand">
          <img src="/favicon.svg" alt="" width="36" height="36" />
          <span>Starling</span>
        </p>
        <h1>{title}</h1>
        <p role="status" className={said === '' ? 'entry-done' : 'entry-done has-news'}>
          {said}
        </p>
        {typeof notice === 'string' && (
          <p role="alert" className="entry-notice">
            {notice}
          </p>
        )}
        {children}
      </div>
    </main>
  );
}

/** The way from one of these pages to another. */
export function EntrySwitch({ question, label, onClick }: { question?: string; label: string; onClick: () => void }) {
  return (
    <p className="entry-switch">
      {question !== undefined && `${question} `}
      <button type="button" className="link-button" onClick={onClick}>
        {label}
      </button>
    </p>
  );
}
