import type { LogInResult } from '@starling/client';
import type { EntryReply } from '@starling/contracts/http';
import { useState } from 'react';
import { useClient } from '../client-state.ts';
import { EmailField, PasswordField } from '../parts/credential-fields.tsx';
import { Form } from '../parts/form.tsx';
import { EMAIL_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { findWrongFields } from './entry-fields.ts';
import { OtherWays } from './other-ways.tsx';

interface Props {
  email: string;
  onEmail: (email: string) => void;
  providers: EntryReply['providers'];
  onLoggedIn: (result: LogInResult) => void;
  onForgot: () => void;
}

/** Email and password, or one of the other ways in. */
export function LogInForm({ email, onEmail, providers, onLoggedIn, onForgot }: Props) {
  const client = useClient();
  const [password, setPassword] = useState('');
  const { busy, errors, submit, refuse } = useSubmit({ email: EMAIL_EXPECTED, password: 'Enter your password.' });
  const send = () => {
    const wrong = findWrongFields({ email, current: password }).map((field) => (field === 'current' ? 'password' : field));
    if (wrong.length > 0) return refuse(wrong);
    void submit(async () => onLoggedIn(await client.logIn({ email, password })));
  };
  return (
    <>
      <Form errors={errors} onSubmit={send} takesFocus="always">
        <EmailField label="Email" value={email} onChange={onEmail} error={errors.fields['email']} />
        <PasswordField label="Password" value={password} onChange={setPassword} error={errors.fields['password']} />
        <button type="submit" className="button button-primary button-wide" disabled={busy}>
          Log in
        </button>
      </Form>
      <OtherWays providers={providers} onLoggedIn={onLoggedIn} />
      <p className="entry-switch">
        <button type="button" className="link-button" onClick={onForgot}>
          Forgot password?
        </button>
      </p>
    </>
  );
}
