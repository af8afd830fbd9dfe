import { type InputHTMLAttributes, useId } from 'react';

type Props = InputHTMLAttributes<HTMLInputElement> & {
  label: string;
  /** What is wrong with the value, in a sentence. */
  error?: string | undefined;
  hint?: string;
};

/** A labelled text field with its error or hint beside it. */
export function Field({ label, error, hint, ...rest }: Props) {
  const id = useId();
  const note = error ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-invalid={error !== undefined} aria-describedby={note === undefined ? undefined : `${id}-note`} {...rest} />
      {note !== undefined && (
        <p id={`${id}-note`} className={error === undefined ? 'hint' : 'error'}>
          {note}
        </p>
      )}
    </div>
  );
}
