import { useCallback, useRef } from 'react';
import { useClient } from '../client-state.ts';
import { ConfirmedButton } from '../parts/confirmed-button.tsx';
import { Failure } from '../parts/failure.tsx';
import { useSubmit } from '../parts/form-errors.ts';
import { formatMoment } from '../parts/times.ts';
import { nameDevice } from './device-name.ts';
import { useLoadedList } from './loaded-list.ts';

/** Where one is logged in, and the way to end that. */
export function SessionList() {
  const { account } = useClient();
  const heading = useRef<HTMLHeadingElement>(null);
  const load = useCallback(async () => {
    const { sessions } = await account.listSessions();
    return sessions.sort((a, b) => Number(b.current) - Number(a.current) || b.lastUsedAt - a.lastUsedAt);
  }, [account]);
  const { items, failure, reload } = useLoadedList(load);
  const { busy, errors, submit } = useSubmit({});
  const end = (work: () => Promise<void>) =>
    submit(async () => {
      await work();
      // What is ended goes, and its buttons with it.
      heading.current?.focus();
      await reload();
    });
  const others = items?.filter(({ current }) => !current).length ?? 0;
  const error = errors.form ?? failure;
  return (
    <>
      <h3 ref={heading} tabIndex={-1}>
        Where you are logged in
      </h3>
      <ul className="account-list" aria-label="Sessions">
        {items?.map(({ id, userAgent, address, lastUsedAt, current }) => {
          const device = nameDevice(userAgent);
          return (
            <li key={id} className="account-row">
              <p className="account-fact">
                {device} {current && <span className="account-mark">This one</span>}
                <span className="account-note muted">
                  {`Last used: ${formatMoment(lastUsedAt)}`}
                  {address !== '' && ` · from ${address}`}
                </span>
              </p>
              {!current && (
                <button
                  type="button"
                  className="button button-quiet"
                  aria-label={`End ${device}, last used ${formatMoment(lastUsedAt)}`}
                  disabled={busy}
                  onClick={() => void end(() => account.endSession(id))}
                >
                  End
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {others > 0 && (
        <div className="account-row">
          <ConfirmedButton
            label="End all others"
            className="button button-danger"
            question="All of them have to log in again."
            confirm="End them now"
            cancel="Keep them"
            disabled={busy}
            onConfirm={() => void end(() => account.endAllSessions(true))}
          />
        </div>
      )}
      <Failure text={error} />
    </>
  );
}
