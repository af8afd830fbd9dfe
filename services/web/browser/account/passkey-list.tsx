import { useCallback } from 'react';
import { useClient } from '../client-state.ts';
import { ConfirmedButton } from '../parts/confirmed-button.tsx';
import { Failure } from '../parts/failure.tsx';
import { useSubmit } from '../parts/form-errors.ts';
import { formatDay } from '../parts/times.ts';
import { useLoadedList } from './loaded-list.ts';

/** The account's passkeys, and the way to be rid of one. */
export function PasskeyList() {
  const { account } = useClient();
  const load = useCallback(async () => (await account.listPasskeys()).passkeys, [account]);
  const { items, failure, reload } = useLoadedList(load);
  const { busy, errors, submit } = useSubmit({});
  const remove = (id: string) =>
    submit(async () => {
      await account.removePasskey(id);
      // Its line goes, and its buttons with it.
      document.getElementById('passkeys-heading')?.focus();
      await reload();
    });
  const error = errors.form ?? failure;
  return (
    <>
      {items?.length === 0 && <p className="muted">You have none.</p>}
      <ul className="account-list" aria-label="Passkeys">
        {items?.map(({ id, name, createdAt }) => (
          <li key={id} className="account-row">
            <p className="account-fact">
              {name} <span className="account-note muted">{`Added: ${formatDay(createdAt)}`}</span>
            </p>
            <ConfirmedButton
              label="Remove"
              name={`Remove ${name}`}
              className="button button-quiet"
              question="You cannot log in with it any more."
              confirm="Remove now"
              cancel="Keep"
              disabled={busy}
              onConfirm={() => void remove(id)}
            />
          </li>
        ))}
      </ul>
      <Failure text={error} />
    </>
  );
}
