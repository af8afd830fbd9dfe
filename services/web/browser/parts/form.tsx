import { type ReactNode, useEffect, useRef } from 'react';
import { hasFinePointer, isFocusLost } from './focus.ts';
import type { FormErrors } from './form-errors.ts';

interface Props {
  errors: FormErrors;
  onSubmit: () => void;
  /** A form that takes the place of another begins at its first field. */
  takesFocus?: 'always' | 'with-mouse';
  className?: string;
  children: ReactNode;
}

/** A form that says itself what is wrong, and brings the focus to the first field that is. */
export function Form({ errors, onSubmit, takesFocus, className, children }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const failure = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (takesFocus === 'always' || (takesFocus === 'with-mouse' && hasFinePointer())) form.current?.querySelector('input')?.focus();
  }, [takesFocus]);
  useEffect(() => {
    if (Object.keys(errors.fields).length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
    // The button that was pressed could not keep the focus while it could not be pressed.
    else if (errors.form !== null && isFocusLost()) failure.current?.focus();
  }, [errors]);
  return (
    <form
      ref={form}
      className={className}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      {errors.form !== null && (
        <p ref={failure} role="alert" tabIndex={-1} className="error form-error">
          {errors.form}
        </p>
      )}
    </form>
  );
}
