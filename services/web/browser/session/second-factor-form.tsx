import { ApiError, type LogInResult } from '@starling/client';
import type { SecondFactorReply } from '@starling/contracts/http';
import { useState } from 'react';
import { useClient } from '../client-state.ts';
import { Field } from '../parts/field.tsx';
import { Form } from '../parts/form.tsx';
import { DIGITS_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { PasskeyButton } from './passkey-button.tsx';
import { canUsePasskeys } from './passkeys.ts';
import { readDigits, readRecoveryCode } from './typed-code.ts';

interface Props {
  wanted: SecondFactorReply;
  onLoggedIn: (result: LogInResult) => void;
  /** The log-in is to be begun anew. */
  onExpired: () => void;
}

/** Asks for what the account wants besides the password. */
export function SecondFactorForm({ wanted: { challenge, methods }, onLoggedIn, onExpired }: Props) {
  const [method, setMethod] = useState<'totp' | 'recovery-code'>(methods.includes('totp') ? 'totp' : 'recovery-code');
  const other = method === 'totp' ? 'recovery-code' : 'totp';
  const asksForCode = methods.includes(method);
  return (
    <>
      {asksForCode && <MethodForm key={method} challenge={challenge} method={method} onLoggedIn={onLoggedIn} onExpired={onExpired} />}
      {methods.includes('passkey') && canUsePasskeys() && (
        <div className="other-ways">
          {asksForCode && <p className="or">or</p>}
          <PasskeyButton onLoggedIn={onLoggedIn} />
        </div>
      )}
      {methods.includes(other) && (
        <p className="entry-switch">
          <button type="button" className="link-button" onClick={() => setMethod(other)}>
            {other === 'totp' ? 'Use the authenticator app instead' : 'Use a recovery code instead'}
          </button>
        </p>
      )}
    </>
  );
}

const TEXTS = {
  totp: { label: 'Code', hint: 'Six digits, from your authenticator app.', expected: DIGITS_EXPECTED },
  'recovery-code': {
    label: 'Recovery code',
    hint: 'One of those that you kept. Each can be used once.',
    expected: 'Enter one of your recovery codes.',
  },
};

type MethodProps = Omit<Props, 'wanted'> & { challenge: string; method: 'totp' | 'recovery-code' };

function MethodForm({ challenge, method, onLoggedIn, onExpired }: MethodProps) {
  const client = useClient();
  const [text, setText] = useState('');
  const { label, hint, expected } = TEXTS[method];
  const { busy, errors, submit, refuse } = useSubmit({ code: expected });
  const send = () => {
    const code = method === 'totp' ? readDigits(text) : readRecoveryCode(text);
    if (code === null) return refuse(['code']);
    void submit(async () => {
      try {
        onLoggedIn(await client.completeLogIn({ challenge, method, code }));
      } catch (error) {
        if (!(error instanceof ApiError && error.code === 'code-expired')) throw error;
        onExpired();
      }
    });
  };
  return (
    <Form errors={errors} onSubmit={send} takesFocus="always">
      <Field
        label={label}
        name="code"
        inputMode={method === 'totp' ? 'numeric' : 'text'}
        autoComplete={method === 'totp' ? 'one-time-code' : 'off'}
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
        required
        className="code-input"
        value={text}
        onChange={(event) => setText(event.target.value)}
        error={errors.fields['code']}
        hint={hint}
      />
      <button type="submit" className="button button-primary button-wide" disabled={busy}>
        Log in
      </button>
    </Form>
  );
}
