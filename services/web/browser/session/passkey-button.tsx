import type { LogInResult } from '@starling/client';
import { useClient } from '../client-state.ts';
import { Failure } from '../parts/failure.tsx';
import { useSubmit } from '../parts/form-errors.ts';
import { askForPasskey } from './passkeys.ts';

/** Logs in with a passkey, which is both factors at once. */
export function PasskeyButton({ onLoggedIn }: { onLoggedIn: (result: LogInResult) => void }) {
  const client = useClient();
  const { busy, errors, submit } = useSubmit({});
  const logIn = () =>
    submit(async () => {
      const { challenge, options } = await client.beginPasskeyLogIn();
      const response = await askForPasskey(options);
      onLoggedIn(await client.passkeyLogIn({ challenge, response }));
    });
  return (
    <>
      <button type="button" className="button button-wide" disabled={busy} onClick={() => void logIn()}>
        Use a passkey
      </button>
      <Failure text={errors.form} />
    </>
  );
}
