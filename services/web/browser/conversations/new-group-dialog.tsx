import type { Profile } from '@starling/contracts/events';
import { type FormEvent, type KeyboardEvent, useRef, useState } from 'react';
import { useClient, useClientState } from '../client-state.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { NAME_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { FindPeople } from '../people/find-people.tsx';
import { conversationPath } from '../route.ts';
import { navigate } from '../router.ts';

/** A group may begin with so many others. */
const MOST = 99;

export function NewGroupDialog({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const me = useClientState(({ user }) => user) ?? '';
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<Profile[]>([]);
  // One key for the dialog: pressing the button again after an error cannot make a second group.
  const [key] = useState(() => crypto.randomUUID());
  const { busy, errors, submit } = useSubmit({
    name: NAME_EXPECTED,
    participants: 'One of these people cannot be in the group. Take them out and try again.',
  });

  const form = useRef<HTMLFormElement>(null);
  const onNameKeyDown = (event: KeyboardEvent) => {
    // A group of nobody but oneself is made by the button alone: who is in it comes next.
    if (event.key !== 'Enter' || event.nativeEvent.isComposing) return;
    event.preventDefault();
    form.current?.querySelector<HTMLInputElement>('input[type=search]')?.focus();
  };

  const create = async (event: FormEvent) => {
    event.preventDefault();
    await submit(async () => {
      const { id } = await client.createGroup(
        name.trim(),
        chosen.map((profile) => profile.id),
        key,
      );
      onClose();
      navigate(conversationPath(id));
    });
  };

  return (
    <Dialog title="New group" onClose={onClose}>
      <form ref={form} onSubmit={(event) => void create(event)} noValidate>
        <Field
          label="Group name"
          name="name"
          required
          maxLength={80}
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
          onKeyDown={onNameKeyDown}
          error={errors.fields['name']}
        />
        {chosen.length > 0 && (
          <ul className="chosen" aria-label="People in the group">
            {chosen.map((profile) => (
              <li key={profile.id} className="chip">
                {profile.name}
                <button
                  type="button"
                  className="chip-remove"
                  aria-label={`Take ${profile.name} out`}
                  onClick={() => setChosen(chosen.filter((other) => other !== profile))}
                >
                  ×
                </button>
              </li>
            ))}
          </ul>
        )}
        {chosen.length < MOST && (
          <FindPeople
            label="Add people"
            exclude={[me, ...chosen.map((profile) => profile.id)]}
            onChoose={(_, profile) => setChosen([...chosen, profile])}
          />
        )}
        {(errors.form ?? errors.fields['participants']) && (
          <p role="alert" className="error">
            {errors.form ?? errors.fields['participants']}
          </p>
        )}
        <div className="dialog-actions">
          <button type="submit" className="button button-primary" disabled={busy || name.trim() === ''}>
            Create group
          </button>
        </div>
      </form>
    </Dialog>
  );
}
