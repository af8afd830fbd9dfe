import type { TotpReply } from '@starling/contracts/http';
import { useState } from 'react';
import { useClient } from '../client-state.ts';
import { CodeField } from '../parts/credential-fields.tsx';
import { Form } from '../parts/form.tsx';
import { DIGITS_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { QrCode } from '../parts/qr-code.tsx';
import { readDigits } from '../session/typed-code.ts';
import { PasswordForm } from './password-form.tsx';

/** The password, and then a code that shows that the app has the secret. */
export function TotpForms({ onCodes }: { onCodes: (codes: string[]) => void }) {
  const { account } = useClient();
  const [totp, setTotp] = useState<TotpReply | null>(null);
  if (totp !== null) return <ConfirmTotpForm totp={totp} onCodes={onCodes} />;
  return (
    <PasswordForm
      explanation="An app on your phone makes codes, and each log-in wants one besides your password. Whoever learns your password alone cannot log in."
      button="Go on"
      onConfirm={async (password) => setTotp(await account.beginTotp(password))}
    />
  );
}

function ConfirmTotpForm({ totp, onCodes }: { totp: TotpReply; onCodes: (codes: string[]) => void }) {
  const { account } = useClient();
  const [text, setText] = useState('');
  const { busy, errors, submit, refuse } = useSubmit({ code: DIGITS_EXPECTED });
  const send = () => {
    const code = readDigits(text);
    if (code === null) return refuse(['code']);
    void submit(async () => onCodes((await account.confirmTotp(code)).recoveryCodes));
  };
  return (
    <Form errors={errors} onSubmit={send} takesFocus="with-mouse">
      <p>Scan this with your authenticator app, and enter the code that it shows.</p>
      <div className="totp">
        <QrCode text={totp.uri} label="QR code for your authenticator app" />
        <div className="totp-typed">
          <p className="hint">Or type this in the app:</p>
          <p className="totp-secret">{groupSecret(totp.secret)}</p>
          <a className="hint" href={totp.uri}>
            The app is on this device
          </a>
        </div>
      </div>
      <CodeField label="Code" value={text} onChange={setText} error={errors.fields['code']} hint="Six digits, from the app." />
      <div className="dialog-actions">
        <button type="submit" className="button button-primary" disabled={busy}>
          Turn on
        </button>
      </div>
    </Form>
  );
}

/** In fours, as people read it off. */
function groupSecret(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(' ') ?? '';
}
