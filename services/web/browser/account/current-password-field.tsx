import { Field } from '../parts/field.tsx';

export const CURRENT_EXPECTED = 'Enter your present password.';

interface Props {
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
}

/** The account's password, asked for again. */
export function CurrentPasswordField({ value, onChange, error }: Props) {
  return (
    <Field
      label="Present password"
      name="current"
      type="password"
      autoComplete="current-password"
      required
      maxLength={128}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      error={error}
    />
  );
}
