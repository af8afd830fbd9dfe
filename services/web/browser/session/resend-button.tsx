import { ApiError } from '@starling/client';
import { useEffect, useState } from 'react';
import { Failure } from '../parts/failure.tsx';
import { useSubmit } from '../parts/form-errors.ts';

/** How far apart the server sends codes to one address, seconds. */
const APART = 60;

/** Has a new code sent, once that can be: mount it anew with each sending. */
export function ResendButton({ onResend }: { onResend: () => Promise<void> }) {
  const [readyAt, setReadyAt] = useState(() => Date.now() + APART * 1000);
  const [left, setLeft] = useState(APART);
  const { busy, errors, submit } = useSubmit({});
  useEffect(() => {
    const count = () => setLeft(Math.max(0, Math.ceil((readyAt - Date.now()) / 1000)));
    count();
    const timer = setInterval(count, 1000);
    return () => clearInterval(timer);
  }, [readyAt]);

  const resend = () =>
    submit(async () => {
      try {
        await onResend();
      } catch (error) {
        const wait = error instanceof ApiError && error.code === 'rate-limited' ? error.problem.retryAfter : undefined;
        if (wait !== undefined) setReadyAt(Date.now() + wait * 1000);
        throw error;
      }
    });

  return (
    <div className="entry-switch">
      <Failure text={errors.form} />
      {left > 0 ? (
        <p className="muted">{left < 120 ? `You can have a new code sent in ${left} s.` : ''}</p>
      ) : (
        <button type="button" className="link-button" disabled={busy} onClick={() => void resend()}>
          Send a new code
        </button>
      )}
    </div>
  );
}
