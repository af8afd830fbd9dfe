import type { ConversationSnapshot } from '@starling/contracts/http';
import { type FormEvent, useRef, useState } from 'react';
import { useClient, useClientState } from '../client-state.ts';
import { presentParticipants } from '../conversations/titles.ts';
import { Avatar } from '../parts/avatar.tsx';
import { ConfirmedButton } from '../parts/confirmed-button.tsx';
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
  const membersHeading = useRef<HTMLHeadingElement>(null);
  const rename = useSubmit({ name: NAME_EXPECTED });
  const membership = useSubmit({});
  const members = presentParticipants(item);
  const isOwner = members.some(({ user, role }) => user === me && role === 'owner');

  const saveName = (event: FormEvent) => {
    event.preventDefault();
    void rename.submit(() => client.rename(id, name.trim()));
  };
  const remove = (user: string) => {
    // Their line goes, and its buttons with it.
    membersHeading.current?.focus();
    void membership.submit(() => client.removeParticipant(id, user));
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
      <h3 ref={membersHeading} tabIndex={-1}>
        {members.length === 1 ? '1 member' : `${members.length} members`}
      </h3>
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
                <ConfirmedButton
                  label="Remove"
                  name={`Remove ${shown}`}
                  className="button button-quiet"
                  question={`${shown} will not see the group's messages any more.`}
                  confirm="Remove now"
                  cancel="Keep"
                  disabled={membership.busy}
                  onConfirm={() => remove(user)}
                />
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
        <ConfirmedButton
          label="Leave group"
          className="button button-danger"
          question="You will not see its messages any more."
          confirm="Leave now"
          cancel="Stay"
          disabled={membership.busy}
          onConfirm={() => void leave()}
        />
      </div>
    </Dialog>
  );
}
