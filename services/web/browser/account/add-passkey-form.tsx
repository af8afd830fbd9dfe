import { useState } from 'react';
import { useClient } from '../client-state.ts';
import { Field } from '../parts/field.tsx';
import { Form } from '../parts/form.tsx';
import { NAME_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { findWrongFields } from '../session/entry-fields.ts';
import { createPasskey } from '../session/passkeys.ts';
import { CURRENT_EXPECTED, CurrentPasswordField } from './current-password-field.tsx';
import { nameDevice } from './device-name.ts';

/** Has this device, or one beside it, make a passkey for the account. */
export function AddPasskeyForm({ onDone }: { onDone: (name: string) => Promise<void> }) {
  const { account } = useClient();
  const [name, setName] = useState(() => nameDevice(navigator.userAgent));
  const [current, setCurrent] = useState('');
  const { busy, errors, submit, refuse } = useSubmit({ name: NAME_EXPECTED, current: CURRENT_EXPECTED });
  const send = () => {
    const wrong = findWrongFields({ name, current });
    if (wrong.length > 0) return refuse(wrong);
    void submit(async () => {
      const { challenge, options } = await account.beginPasskey(current);
      const response = await createPasskey(options);
      const added = await account.addPasskey({ challenge, response, name: name.trim() });
      await onDone(added.name);
    });
  };
  return (
    <Form errors={errors} onSubmit={send} takesFocus="always">
      <p>With a passkey you log in without a password, by the lock of your device.</p>
      <Field
        label="Name"
        name="name"
        required
        maxLength={80}
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.target.value)}
        error={errors.fields['name']}
        hint="For you, to tell it from others."
      />
      <CurrentPasswordField value={current} onChange={setCurrent} error={errors.fields['current']} />
      <div className="dialog-actions">
        <button type="submit" className="button button-primary" disabled={busy}>
          Make passkey
        </button>
      </div>
    </Form>
  );
}
