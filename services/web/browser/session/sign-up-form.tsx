import type { CodeReply, EntryReply } from '@starling/contracts/http';
import { useState } from 'react';
import { useClient } from '../client-state.ts';
import { EmailField, NewPasswordField } from '../parts/credential-fields.tsx';
import { Field } from '../parts/field.tsx';
import { Form } from '../parts/form.tsx';
import { EMAIL_EXPECTED, NAME_EXPECTED, NEW_PASSWORD_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { findWrongFields } from './entry-fields.ts';
import { explainVoidInvite } from './entry-step.ts';
import { OtherWays } from './other-ways.tsx';

interface Props {
  email: string;
  onEmail: (email: string) => void;
  providers: EntryReply['providers'];
  invite: string | undefined;
  onSent: (sent: CodeReply) => void;
}

/** Begins a registration; its code comes next. */
export function SignUpForm({ email, onEmail, providers, invite, onSent }: Props) {
  const client = useClient();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const { busy, errors, submit, refuse } = useSubmit({ name: NAME_EXPECTED, email: EMAIL_EXPECTED, password: NEW_PASSWORD_EXPECTED });
  const send = () => {
    const wrong = findWrongFields({ name, email, password });
    if (wrong.length > 0) return refuse(wrong);
    void submit(() =>
      client
        .signUp({ email, password, name, ...(invite === undefined ? {} : { invite }) })
        .then(onSent, (error: unknown) => explainVoidInvite(error, invite)),
    );
  };
  return (
    <>
      <Form errors={errors} onSubmit={send} takesFocus="always">
        <Field
          label="Your name"
          name="name"
          autoComplete="name"
          required
          maxLength={80}
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={errors.fields['name']}
          hint="How others see you."
        />
        <EmailField label="Email" value={email} onChange={onEmail} error={errors.fields['email']} />
        <NewPasswordField label="Password" value={password} onChange={setPassword} error={errors.fields['password']} />
        <button type="submit" className="button button-primary button-wide" disabled={busy}>
          Create account
        </button>
      </Form>
      <OtherWays providers={providers} invite={invite} />
    </>
  );
}
