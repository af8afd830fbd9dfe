import { useEffect, useId, useRef, useState } from 'react';

interface Props {
  label: string;
  /** What is said of it instead of the label, where that alone does not tell what is meant. */
  name?: string;
  className: string;
  /** What there is to consider, in a sentence. */
  question: string;
  confirm: string;
  cancel: string;
  disabled: boolean;
  onConfirm: () => void;
}

/** A button for what cannot be taken back: it asks first, in its own place. */
export function ConfirmedButton({ label, name, className, question, confirm, cancel, disabled, onConfirm }: Props) {
  const [isAsking, setAsking] = useState(false);
  const wasAsking = useRef(false);
  const focused = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    // The button pressed has gone: what stands in its place gets the focus.
    if (isAsking || wasAsking.current) focused.current?.focus();
    wasAsking.current = isAsking;
  }, [isAsking]);
  if (!isAsking) {
    return (
      <button ref={focused} type="button" className={className} aria-label={name} disabled={disabled} onClick={() => setAsking(true)}>
        {label}
      </button>
    );
  }
  return (
    <div className="confirmation">
      <p id={id}>{question}</p>
      <button ref={focused} type="button" className="button" aria-describedby={id} onClick={() => setAsking(false)}>
        {cancel}
      </button>
      <button type="button" className="button button-danger" aria-describedby={id} disabled={disabled} onClick={onConfirm}>
        {confirm}
      </button>
    </div>
  );
}
