import { useState } from 'react';
import { useClient } from '../client-state.ts';
import { NewPasswordField } from '../parts/credential-fields.tsx';
import { Form } from '../parts/form.tsx';
import { NEW_PASSWORD_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { findWrongFields } from '../session/entry-fields.ts';
import { CURRENT_EXPECTED, CurrentPasswordField } from './current-password-field.tsx';

export function PasswordChangeForm({ onDone }: { onDone: () => Promise<void> }) {
  const { account } = useClient();
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const { busy, errors, submit, refuse } = useSubmit({ current: CURRENT_EXPECTED, password: NEW_PASSWORD_EXPECTED });
  const send = () => {
    const wrong = findWrongFields({ current, password });
    if (wrong.length > 0) return refuse(wrong);
    void submit(async () => {
      await account.changePassword({ current, password });
      await onDone();
    });
  };
  return (
    <Form errors={errors} onSubmit={send} takesFocus="always">
      <CurrentPasswordField value={current} onChange={setCurrent} error={errors.fields['current']} />
      <NewPasswordField label="New password" value={password} onChange={setPassword} error={errors.fields['password']} />
      <div className="dialog-actions">
        <button type="submit" className="button button-primary" disabled={busy}>
          Change password
        </button>
      </div>
    </Form>
  );
}
