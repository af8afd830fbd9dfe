import { createClient } from '@starling/client';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { ClientContext } from './client-state.ts';
import { openPageStorage } from './session/page-storage.ts';
import './styles/base.css';
import './styles/shell.css';
import './styles/conversation.css';

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
      <App />
    </ClientContext>
  </StrictMode>,
);
