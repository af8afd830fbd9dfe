import type { CodeReply } from '@starling/contracts/http';
import { useState } from 'react';
import { useClient } from '../client-state.ts';
import { EmailField } from '../parts/credential-fields.tsx';
import { Form } from '../parts/form.tsx';
import { EMAIL_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { CodeForm } from '../session/code-form.tsx';
import { findWrongFields } from '../session/entry-fields.ts';
import { CURRENT_EXPECTED, CurrentPasswordField } from './current-password-field.tsx';

/** The new address, and then the code that was sent to it. */
export function EmailForms({ onDone }: { onDone: (email: string) => Promise<void> }) {
  const client = useClient();
  const [email, setEmail] = useState('');
  const [current, setCurrent] = useState('');
  const [sent, setSent] = useState<CodeReply | null>(null);
  const [mail, setMail] = useState<boolean | null>(null);
  const { busy, errors, submit, refuse } = useSubmit({ email: EMAIL_EXPECTED, current: CURRENT_EXPECTED });
  const send = () => {
    const wrong = findWrongFields({ email, current });
    if (wrong.length > 0) return refuse(wrong);
    void submit(async () => {
      const reply = await client.account.requestEmailChange({ email, password: current });
      // Where the code is to be looked for; it was sent even if this stays unknown.
      await client.entry().then(
        (entry) => setMail(entry.mail),
        () => {},
      );
      setSent(reply);
    });
  };

  if (sent !== null) {
    const confirm = async (code: string) => {
      await client.account.confirmEmailChange({ id: sent.id, code });
      await onDone(email);
    };
    return <CodeForm sent={sent} email={email} mail={mail} button="Confirm" onConfirm={confirm} />;
  }
  return (
    <Form errors={errors} onSubmit={send} takesFocus="always">
      <EmailField
        label="New email"
        value={email}
        onChange={setEmail}
        error={errors.fields['email']}
        hint="It gets a code. Your present address stays until you have entered that."
      />
      <CurrentPasswordField value={current} onChange={setCurrent} error={errors.fields['current']} />
      <div className="dialog-actions">
        <button type="submit" className="button button-primary" disabled={busy}>
          Send code
        </button>
      </div>
    </Form>
  );
}
