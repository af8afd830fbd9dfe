import { ApiError } from '@starling/client';
import { useState } from 'react';
import { useClient } from '../client-state.ts';
import { NewPasswordField } from '../parts/credential-fields.tsx';
import { Form } from '../parts/form.tsx';
import { NEW_PASSWORD_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { findWrongFields } from './entry-fields.ts';

interface Props {
  token: string;
  onDone: () => void;
  /** On to another link. */
  onForgot: () => void;
}

/** Sets a new password, with the token of a link that was mailed. */
export function ResetForm({ token, onDone, onForgot }: Props) {
  const client = useClient();
  const [password, setPassword] = useState('');
  const [isExpired, setExpired] = useState(false);
  const { busy, errors, submit, refuse } = useSubmit({ password: NEW_PASSWORD_EXPECTED });
  const send = () => {
    const wrong = findWrongFields({ password });
    if (wrong.length > 0) return refuse(wrong);
    void submit(async () => {
      try {
        await client.resetPassword({ token, password });
      } catch (error) {
        setExpired(error instanceof ApiError && error.code === 'link-expired');
        throw error;
      }
      onDone();
    });
  };
  return (
    <>
      <p>You are logged out everywhere when it is set.</p>
      <Form errors={errors} onSubmit={send} takesFocus="always">
        <NewPasswordField label="New password" value={password} onChange={setPassword} error={errors.fields['password']} />
        <button type="submit" className="button button-primary button-wide" disabled={busy}>
          Set password
        </button>
      </Form>
      {isExpired && (
        <button type="button" className="button button-wide" onClick={onForgot}>
          Ask for a new link
        </button>
      )}
    </>
  );
}
