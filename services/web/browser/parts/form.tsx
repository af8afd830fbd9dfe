import { type ReactNode, useEffect, useRef } from 'react';
import { Failure } from './failure.tsx';
import { hasFinePointer } from './focus.ts';
import type { FormErrors } from './form-errors.ts';

interface Props {
  errors: FormErrors;
  onSubmit: () => void;
  /** A form that takes the place of another begins at its first field. */
  takesFocus: 'always' | 'with-mouse';
  children: ReactNode;
}

/** A form that says itself what is wrong, and brings the focus to the first field that is. */
export function Form({ errors, onSubmit, takesFocus, children }: Props) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (takesFocus === 'always' || (takesFocus === 'with-mouse' && hasFinePointer())) form.current?.querySelector('input')?.focus();
  }, [takesFocus]);
  useEffect(() => {
    if (Object.keys(errors.fields).length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [errors]);
  return (
    <form
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      <Failure text={errors.form} />
    </form>
  );
}
