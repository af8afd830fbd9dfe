import { PasswordField } from '../parts/credential-fields.tsx';

export const CURRENT_EXPECTED = 'Enter your present password.';

interface Props {
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
}

/** The account's password, asked for again. */
export function CurrentPasswordField({ value, onChange, error }: Props) {
  return <PasswordField label="Present password" name="current" value={value} onChange={onChange} error={error} />;
}
