import { useEffect, useRef } from 'react';
import { isFocusLost } from './focus.ts';

/** What went wrong, in a sentence; nothing for null. */
export function Failure({ text }: { text: string | null }) {
  const line = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    // The button that was pressed could not keep the focus while it could not be pressed.
    if (text !== null && isFocusLost()) line.current?.focus();
  }, [text]);
  if (text === null) return null;
  return (
    <p ref={line} role="alert" tabIndex={-1} className="error">
      {text}
    </p>
  );
}
