import { createClient } from '@starling/client';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { ClientContext } from './client-state.ts';
import { takeArrival } from './session/arrival.ts';
import { openPageStorage } from './session/page-storage.ts';
import './styles/base.css';
import './styles/shell.css';
import './styles/conversation.css';
import './styles/account.css';

// Before anything else: what is secret in the address is there no longer than it must.
const arrival = takeArrival();
const storage = openPageStorage();
const client = createClient({ baseUrl: location.origin, auth: { kind: 'cookie' }, ...(storage ? { storage } : {}) });
addEventListener('beforeunload', (event) => {
  const sends = [...client.getState().sends.values()].flat();
  // What is kept goes on when the page is opened again; the rest would be lost.
  if (sends.some(({ state, isKept }) => !isKept && (state === 'sending' || state === 'unknown'))) event.preventDefault();
});
addEventListener('online', () => client.nudge());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') client.nudge();
});

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <ClientContext value={client}>
      <App arrived={arrival} />
    </ClientContext>
  </StrictMode>,
);
