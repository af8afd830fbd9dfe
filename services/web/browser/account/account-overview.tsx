import type { AccountReply } from '@starling/contracts/http';
import { useEffect, useRef } from 'react';
import { isFocusLost } from '../parts/focus.ts';
import { canUsePasskeys } from '../session/passkeys.ts';
import type { AccountView } from './account-view.ts';
import { PasskeyList } from './passkey-list.tsx';
import { SessionList } from './session-list.tsx';
import { SetPassword } from './set-password.tsx';

interface Props {
  account: AccountReply;
  left: { from: AccountView; done?: string } | null;
  onOpen: (view: AccountView) => void;
}

/** How the account stands. Who comes back from a change finds the focus where it was. */
export function AccountOverview({ account, left, onOpen }: Props) {
  const { email, role, hasPassword, hasTotp, recoveryCodesLeft } = account;
  const overview = useRef<HTMLDivElement>(null);
  const done = useRef<HTMLParagraphElement>(null);
  const from = left?.from;
  useEffect(() => {
    if (from === undefined) return;
    overview.current?.querySelector<HTMLElement>(`[data-view=${from}]`)?.focus();
    // What was pressed may be gone with the change.
    if (isFocusLost() || !overview.current?.contains(document.activeElement)) done.current?.focus();
  }, [from]);
  const opener = (view: AccountView, label: string) => (
    <button type="button" className="button" data-view={view} onClick={() => onOpen(view)}>
      {label}
    </button>
  );
  return (
    <div ref={overview} className="account">
      <p ref={done} role="status" tabIndex={-1} className={left?.done === undefined ? 'account-done' : 'account-done has-news'}>
        {left?.done}
      </p>
      <section className="account-part">
        <h3>Email</h3>
        <div className="account-row">
          <p className="account-fact">
            {email} <span className="muted">({role})</span>
          </p>
          {hasPassword && opener('email', 'Change email')}
        </div>
      </section>
      <section className="account-part">
        <h3>Password</h3>
        {hasPassword ? (
          <div className="account-row">
            <p className="account-fact muted">Changing it logs you out everywhere else.</p>
            {opener('password', 'Change password')}
          </div>
        ) : (
          <SetPassword email={email} />
        )}
      </section>
      {hasPassword && (
        <section className="account-part">
          <h3>Second factor</h3>
          <div className="account-row">
            <p className="account-fact">
              {hasTotp ? `On: log-ins want a code of your app. ${countCodes(recoveryCodesLeft)}` : 'Off: the password alone is enough.'}
            </p>
            {hasTotp ? (
              <>
                {opener('recovery-codes', 'New recovery codes')}
                {opener('remove-totp', 'Turn off')}
              </>
            ) : (
              opener('totp', 'Set up an authenticator app')
            )}
          </div>
        </section>
      )}
      <section className="account-part">
        <h3 tabIndex={-1} id="passkeys-heading">
          Passkeys
        </h3>
        <PasskeyList />
        {hasPassword && canUsePasskeys() && <div className="account-row">{opener('passkey', 'Add a passkey')}</div>}
      </section>
      <section className="account-part">
        <SessionList />
      </section>
    </div>
  );
}

function countCodes(left: number): string {
  if (left === 0) return 'You have no recovery code left.';
  return left === 1 ? 'One recovery code is left.' : `${left} recovery codes are left.`;
}
