import { useState } from 'react';
import { useClient } from '../client-state.ts';
import { Failure } from '../parts/failure.tsx';
import { useSubmit } from '../parts/form-errors.ts';

/** For who has only ever signed on with somebody else's word: the way to a password is that of who has forgotten it. */
export function SetPassword({ email }: { email: string }) {
  const client = useClient();
  const [isAsked, setAsked] = useState(false);
  const { busy, errors, submit } = useSubmit({});
  const ask = () =>
    submit(async () => {
      await client.requestPasswordReset(email);
      setAsked(true);
    });
  return (
    <>
      <div className="account-row">
        <p className="account-fact">You have none. What changes your account asks for it, so set one first.</p>
        {!isAsked && (
          <button type="button" className="button" disabled={busy} onClick={() => void ask()}>
            Send me a link
          </button>
        )}
      </div>
      <p role="status">{isAsked ? 'A link to set a password is on its way to you, or in the log of a server that sends no email.' : ''}</p>
      <Failure text={errors.form} />
    </>
  );
}
