import type { ConversationSnapshot } from '@starling/contracts/http';
import { type FormEvent, useState } from 'react';
import { useClient, useClientState } from '../client-state.ts';
import { presentParticipants } from '../conversations/titles.ts';
import { Avatar } from '../parts/avatar.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { NAME_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { FindPeople } from '../people/find-people.tsx';
import { navigate } from '../router.ts';

/** A group's name and members, and the way out. */
export function GroupDialog({ item, onClose }: { item: ConversationSnapshot; onClose: () => void }) {
  const client = useClient();
  const { id, name: present } = item.conversation;
  const me = useClientState(({ user }) => user) ?? '';
  const profiles = useClientState((state) => state.profiles);
  const [name, setName] = useState(present ?? '');
  const [isLeaving, setLeaving] = useState(false);
  const rename = useSubmit({ name: NAME_EXPECTED });
  const membership = useSubmit({});
  const members = presentParticipants(item);
  const isOwner = members.some(({ user, role }) => user === me && role === 'owner');

  const saveName = (event: FormEvent) => {
    event.preventDefault();
    void rename.submit(() => client.rename(id, name.trim()));
  };
  const leave = async () => {
    if (!(await membership.submit(() => client.removeParticipant(id, me)))) return;
    onClose();
    navigate('/', 'replace');
  };

  return (
    <Dialog title="Group details" onClose={onClose}>
      <form className="inline-form" onSubmit={saveName} noValidate>
        <Field
          label="Group name"
          name="name"
          required
          maxLength={80}
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={rename.errors.fields['name'] ?? rename.errors.form ?? undefined}
        />
        <button type="submit" className="button" disabled={rename.busy || name.trim() === '' || name.trim() === present}>
          Rename
        </button>
      </form>
      <h3>{members.length === 1 ? '1 member' : `${members.length} members`}</h3>
      <ul className="people" aria-label="Members">
        {members.map(({ user, role }) => {
          const profile = profiles.get(user);
          const shown = profile?.name ?? '…';
          return (
            <li key={user} className="person">
              <Avatar id={user} name={shown} size="small" />
              <span className="person-name">{user === me ? `${shown} (you)` : shown}</span>{' '}
              <span className="muted">{role === 'owner' ? 'Owner' : profile && `@${profile.handle}`}</span>
              {isOwner && user !== me && (
                <button
                  type="button"
                  className="button button-quiet"
                  aria-label={`Remove ${shown}`}
                  disabled={membership.busy}
                  onClick={() => void membership.submit(() => client.removeParticipant(id, user))}
                >
                  Remove
                </button>
              )}
            </li>
          );
        })}
      </ul>
      <FindPeople
        label="Add a person"
        exclude={members.map(({ user }) => user)}
        onChoose={(user) => void membership.submit(() => client.addParticipant(id, user))}
      />
      {membership.errors.form !== null && (
        <p role="alert" className="error">
          {membership.errors.form}
        </p>
      )}
      <div className="dialog-actions">
        {isLeaving ? (
          <>
            <p>You will not see its messages any more.</p>
            <button type="button" className="button" onClick={() => setLeaving(false)}>
              Stay
            </button>
            <button type="button" className="button button-danger" disabled={membership.busy} onClick={() => void leave()}>
              Leave now
            </button>
          </>
        ) : (
          <button type="button" className="button button-danger" onClick={() => setLeaving(true)}>
            Leave group
          </button>
        )}
      </div>
    </Dialog>
  );
}
