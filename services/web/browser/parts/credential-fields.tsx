import { Field } from './field.tsx';

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
  hint?: string;
}

export function EmailField({ onChange, ...rest }: Props) {
  return <Field name="email" type="email" autoComplete="email" required onChange={(event) => onChange(event.target.value)} {...rest} />;
}

/** The password that there is. */
export function PasswordField({ name = 'password', onChange, ...rest }: Props & { name?: string }) {
  return (
    <Field
      name={name}
      type="password"
      autoComplete="current-password"
      required
      maxLength={128}
      onChange={(event) => onChange(event.target.value)}
      {...rest}
    />
  );
}

/** A password that is chosen here. */
export function NewPasswordField({ onChange, ...rest }: Omit<Props, 'hint'>) {
  return (
    <Field
      name="password"
      type="password"
      autoComplete="new-password"
      required
      maxLength={128}
      hint="At least 10 characters."
      onChange={(event) => onChange(event.target.value)}
      {...rest}
    />
  );
}

/** A code of six digits; `onChange` gets what was typed, as it was. */
export function CodeField({ onChange, ...rest }: Props) {
  return (
    <Field
      name="code"
      inputMode="numeric"
      autoComplete="one-time-code"
      autoCorrect="off"
      spellCheck={false}
      required
      className="code-input"
      onChange={(event) => onChange(event.target.value)}
      {...rest}
    />
  );
}
