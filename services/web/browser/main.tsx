import { createClient } from '@starling/client';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { ClientContext } from './client-state.ts';
import './styles/base.css';
import './styles/shell.css';
import './styles/conversation.css';

const client = createClient({ baseUrl: location.origin, auth: { kind: 'cookie' } });
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
