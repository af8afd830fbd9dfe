import type { AccountReply } from '@starling/contracts/http';
import { useCallback, useEffect, useState } from 'react';
import { useClient } from '../client-state.ts';
import { Dialog } from '../parts/dialog.tsx';
import { AccountOverview } from './account-overview.tsx';
import { type AccountView, VIEW_TITLES } from './account-view.ts';
import { AddPasskeyForm } from './add-passkey-form.tsx';
import { EmailForms } from './email-forms.tsx';
import { PasswordChangeForm } from './password-change-form.tsx';
import { PasswordForm } from './password-form.tsx';
import { RecoveryCodes } from './recovery-codes.tsx';
import { TotpForms } from './totp-forms.tsx';

/** What one logs in with, and where one is logged in: an overview, and one form at a time for each change. */
export function AccountDialog({ onClose }: { onClose: () => void }) {
  const { account: calls } = useClient();
  const [account, setAccount] = useState<AccountReply | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [view, setView] = useState<AccountView | 'overview'>('overview');
  const [codes, setCodes] = useState<string[] | null>(null);
  /** Where one comes back from, and what was done there. */
  const [left, setLeft] = useState<{ from: AccountView; done?: string } | null>(null);

  const load = useCallback(
    () =>
      calls.describe().then(
        (described) => {
          setFailure(null);
          setAccount(described);
        },
        (error: Error) => setFailure(error.message),
      ),
    [calls],
  );
  useEffect(() => void load(), [load]);

  const open = (next: AccountView) => {
    setLeft(null);
    setView(next);
  };
  const back = async (done?: string) => {
    // First: what comes of the change decides where the focus can go.
    if (done !== undefined) await load();
    if (view !== 'overview') setLeft({ from: view, ...(done === undefined ? {} : { done }) });
    setCodes(null);
    setView('overview');
  };

  return (
    <Dialog title={codes === null ? VIEW_TITLES[view] : 'Recovery codes'} isKept={codes !== null} onClose={onClose}>
      <div className="account-dialog">
        {failure !== null && (
          <p role="alert" className="error">
            {failure}{' '}
            <button type="button" className="link-button" onClick={() => void load()}>
              Try again
            </button>
          </p>
        )}
        {account === null && failure === null && <p>Loading…</p>}
        {codes !== null && (
          <RecoveryCodes
            codes={codes}
            onDone={() =>
              back(view === 'totp' ? 'From now on, a log-in wants a code of your app too.' : 'The new recovery codes are in force.')
            }
          />
        )}
        {account !== null && codes === null && view === 'overview' && <AccountOverview account={account} left={left} onOpen={open} />}
        {account !== null && codes === null && view !== 'overview' && (
          <>
            {view === 'email' && <EmailForms onDone={(email) => back(`Your email address is ${email} now.`)} />}
            {view === 'password' && (
              <PasswordChangeForm onDone={() => back('Your password is changed. You are logged out everywhere else.')} />
            )}
            {view === 'totp' && <TotpForms onCodes={setCodes} />}
            {view === 'recovery-codes' && (
              <PasswordForm
                explanation="You get ten new recovery codes. Those that you have are void then."
                button="Make new codes"
                onConfirm={async (password) => setCodes((await calls.renewRecoveryCodes(password)).recoveryCodes)}
              />
            )}
            {view === 'remove-totp' && (
              <PasswordForm
                explanation="From then on, your password alone is enough to log in. The recovery codes are void too."
                button="Turn off"
                onConfirm={async (password) => {
                  await calls.removeTotp(password);
                  await back('A log-in wants no code any more.');
                }}
              />
            )}
            {view === 'passkey' && <AddPasskeyForm onDone={(name) => back(`The passkey “${name}” is added.`)} />}
            <div className="dialog-back">
              <button type="button" className="link-button" onClick={() => void back()}>
                Back to your account
              </button>
            </div>
          </>
        )}
      </div>
    </Dialog>
  );
}
