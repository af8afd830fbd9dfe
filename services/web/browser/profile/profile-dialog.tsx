import { type FormEvent, useState } from 'react';
import { useClient, useClientState, useProfile } from '../client-state.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { NAME_EXPECTED, useSubmit } from '../parts/form-errors.ts';

/** One's own name and handle. */
export function ProfileDialog({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const me = useClientState(({ user }) => user) ?? '';
  const profile = useProfile(me);
  const [name, setName] = useState(profile?.name ?? '');
  const [handle, setHandle] = useState(profile?.handle ?? '');
  const { busy, errors, submit } = useSubmit({
    name: NAME_EXPECTED,
    handle: 'Use up to 32 small letters, digits, dots, dashes and underscores; begin and end with a letter or digit.',
  });

  const save = async (event: FormEvent) => {
    event.preventDefault();
    const change = {
      ...(name.trim() === profile?.name ? {} : { name: name.trim() }),
      ...(handle === profile?.handle ? {} : { handle: handle.trim().toLowerCase().replace(/^@/, '') }),
    };
    if (Object.keys(change).length === 0 || (await submit(() => client.updateMe(change)))) onClose();
  };

  return (
    <Dialog title="Your profile" onClose={onClose}>
      <form onSubmit={(event) => void save(event)} noValidate>
        <Field
          label="Name"
          name="name"
          required
          maxLength={80}
          autoComplete="name"
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={errors.fields['name']}
        />
        <Field
          label="Handle"
          name="handle"
          required
          maxLength={33}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={handle}
          onChange={(event) => setHandle(event.target.value)}
          error={errors.fields['handle']}
          hint="Others find you by it. Small letters, digits, dots, dashes and underscores."
        />
        {errors.form !== null && (
          <p role="alert" className="error">
            {errors.form}
          </p>
        )}
        <div className="dialog-actions">
          <button type="submit" className="button button-primary" disabled={busy || !profile}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
