import type { CodeReply, EntryReply } from '@starling/contracts/http';
import { useState } from 'react';
import { useClient } from '../client-state.ts';
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
        <Field
          label="Email"
          name="email"
          type="email"
          autoComplete="email"
          required
          value={email}
          onChange={(event) => onEmail(event.target.value)}
          error={errors.fields['email']}
        />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          maxLength={128}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          error={errors.fields['password']}
          hint="At least 10 characters."
        />
        <button type="submit" className="button button-primary button-wide" disabled={busy}>
          Create account
        </button>
      </Form>
      <OtherWays providers={providers} invite={invite} />
    </>
  );
}
