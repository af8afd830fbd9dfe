/** The six digits in what was typed or pasted, with whatever stands around and between them; null if it is not six. */
export function readDigits(text: string): string | null {
  const digits = text.replace(/\D/g, '');
  return digits.length === 6 ? digits : null;
}

/** A recovery code as the server takes it: without the spaces that come with copying; null if it cannot be one. */
export function readRecoveryCode(text: string): string | null {
  const code = text.replace(/\s/g, '');
  return /^[A-Za-z0-9-]{6,32}$/.test(code) ? code : null;
}
