import { useEffect, useRef, useState } from 'react';
import { useClient } from '../client-state.ts';
import { EmailField } from '../parts/credential-fields.tsx';
import { Form } from '../parts/form.tsx';
import { EMAIL_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { findWrongFields } from './entry-fields.ts';

interface Props {
  email: string;
  onEmail: (email: string) => void;
  mail: boolean | null;
}

/** Asks for a link to set a new password. What it says afterwards is the same whether there is such an account. */
export function ForgotForm({ email, onEmail, mail }: Props) {
  const client = useClient();
  const [isAsked, setAsked] = useState(false);
  const { busy, errors, submit, refuse } = useSubmit({ email: EMAIL_EXPECTED });
  const answer = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (isAsked) answer.current?.focus();
  }, [isAsked]);
  const send = () => {
    const wrong = findWrongFields({ email });
    if (wrong.length > 0) return refuse(wrong);
    void submit(async () => {
      await client.requestPasswordReset(email);
      setAsked(true);
    });
  };
  if (isAsked) {
    return (
      <p ref={answer} role="status" tabIndex={-1}>
        {mail === false
          ? `If there is an account with ${email}, a link to set a new password is in the log of this server, which has no mail server: ask whoever runs it.`
          : `If there is an account with ${email}, a link to set a new password is on its way there. Look among unwanted mail too.`}
      </p>
    );
  }
  return (
    <Form errors={errors} onSubmit={send} takesFocus="always">
      <EmailField
        label="Email"
        value={email}
        onChange={onEmail}
        error={errors.fields['email']}
        hint={
          mail === false
            ? 'A link to set a new password goes to the log of this server, which has no mail server.'
            : 'We send a link to set a new password.'
        }
      />
      <button type="submit" className="button button-primary button-wide" disabled={busy}>
        {mail === false ? 'Make link' : 'Send link'}
      </button>
    </Form>
  );
}
