import { ApiError, type LogInResult } from '@starling/client';
import type { LinkReply } from '@starling/contracts/http';
import { useEffect, useEffectEvent, useState } from 'react';
import { useClient } from '../client-state.ts';
import { PasswordField } from '../parts/credential-fields.tsx';
import { Failure } from '../parts/failure.tsx';
import { Form } from '../parts/form.tsx';
import { useSubmit } from '../parts/form-errors.ts';
import { findWrongFields } from './entry-fields.ts';

/** Connects a sign-on with the account that has its email address already, once its password shows whose that is. */
export function LinkForm({ onLoggedIn, onExpired }: { onLoggedIn: (result: LogInResult) => void; onExpired: () => void }) {
  const client = useClient();
  const [link, setLink] = useState<LinkReply | null>(null);
  const [current, setCurrent] = useState('');
  const [failure, setFailure] = useState<string | null>(null);
  const { busy, errors, submit, refuse } = useSubmit({ current: 'Enter your password.' });
  const unlessExpired = (error: unknown) => {
    if (!(error instanceof ApiError && error.code === 'link-expired')) throw error;
    onExpired();
  };
  const load = useEffectEvent(() => {
    client
      .waitingLink()
      .then(setLink)
      .catch(unlessExpired)
      .catch((error: Error) => setFailure(error.message));
  });
  useEffect(() => load(), []);

  const send = () => {
    if (findWrongFields({ current }).length > 0) return refuse(['current']);
    void submit(() => client.linkSignOn(current).then(onLoggedIn).catch(unlessExpired));
  };

  if (failure !== null) return <Failure text={failure} />;
  if (link === null) return <p>Loading…</p>;
  return (
    <>
      <p>
        There is an account with {link.email} already. Enter its password, and from then on you can log in to it with {link.provider}.
      </p>
      <Form errors={errors} onSubmit={send} takesFocus="always">
        <PasswordField label="Password" name="current" value={current} onChange={setCurrent} error={errors.fields['current']} />
        <button type="submit" className="button button-primary button-wide" disabled={busy}>
          Connect and log in
        </button>
      </Form>
    </>
  );
}
