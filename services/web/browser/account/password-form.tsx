import { useState } from 'react';
import { Form } from '../parts/form.tsx';
import { useSubmit } from '../parts/form-errors.ts';
import { findWrongFields } from '../session/entry-fields.ts';
import { CURRENT_EXPECTED, CurrentPasswordField } from './current-password-field.tsx';

interface Props {
  explanation: string;
  button: string;
  onConfirm: (password: string) => Promise<void>;
}

/** Asks for the password again before something that whoever finds the page open must not do. */
export function PasswordForm({ explanation, button, onConfirm }: Props) {
  const [current, setCurrent] = useState('');
  const { busy, errors, submit, refuse } = useSubmit({ current: CURRENT_EXPECTED });
  const send = () => {
    if (findWrongFields({ current }).length > 0) return refuse(['current']);
    void submit(() => onConfirm(current));
  };
  return (
    <Form errors={errors} onSubmit={send} takesFocus="always">
      <p>{explanation}</p>
      <CurrentPasswordField value={current} onChange={setCurrent} error={errors.fields['current']} />
      <div className="dialog-actions">
        <button type="submit" className="button button-primary" disabled={busy}>
          {button}
        </button>
      </div>
    </Form>
  );
}
