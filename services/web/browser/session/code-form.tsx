import type { CodeReply } from '@starling/contracts/http';
import { useRef, useState } from 'react';
import { CodeField } from '../parts/credential-fields.tsx';
import { Form } from '../parts/form.tsx';
import { DIGITS_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { ResendButton } from './resend-button.tsx';
import { readDigits } from './typed-code.ts';

interface Props {
  sent: CodeReply;
  email: string;
  /** Whether there is a mail server; null: not known. */
  mail: boolean | null;
  button: string;
  onConfirm: (code: string) => Promise<void>;
  /** Without it there is no new code but by beginning anew. */
  onResend?: () => Promise<CodeReply>;
}

/** Asks for the six digits that were sent to an email address. */
export function CodeForm({ sent: first, email, mail, button, onConfirm, onResend }: Props) {
  const [sent, setSent] = useState(first);
  const [text, setText] = useState(first.code ?? '');
  const [resends, setResends] = useState(0);
  const { busy, errors, submit, refuse, clear } = useSubmit({ code: DIGITS_EXPECTED });
  const field = useRef<HTMLDivElement>(null);

  const confirm = () => {
    const code = readDigits(text);
    if (code === null) return refuse(['code']);
    void submit(() => onConfirm(code));
  };
  const resend = async () => {
    if (!onResend) return;
    clear();
    const again = await onResend();
    setSent(again);
    setText(again.code ?? '');
    setResends((count) => count + 1);
    field.current?.querySelector('input')?.focus();
  };

  return (
    <>
      <p>{sent.code === undefined && mail !== false ? `We have sent a code to ${email}.` : `A code confirms that ${email} is yours.`}</p>
      {sent.code !== undefined && (
        <div className="shown-code">
          <p>No mail server is set up, and you are at the machine itself, so the code is shown here:</p>
          <p className="code-digits">{sent.code}</p>
        </div>
      )}
      {sent.code === undefined && mail === false && (
        <p className="entry-notice">No mail server is set up here. Whoever runs this server finds the code in its log.</p>
      )}
      <p role="status" className="hint resent">
        {resends === 0 ? '' : `This is code number ${resends + 1}: those from before are void.`}
      </p>
      <Form errors={errors} onSubmit={confirm} takesFocus="always">
        <div ref={field}>
          <CodeField label="Code" value={text} onChange={setText} error={errors.fields['code']} hint="Six digits, good for 10 minutes." />
        </div>
        <button type="submit" className="button button-primary button-wide" disabled={busy}>
          {button}
        </button>
      </Form>
      {onResend && <ResendButton key={resends} onResend={resend} />}
    </>
  );
}
