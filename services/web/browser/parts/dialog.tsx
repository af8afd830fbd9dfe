import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';
import { hasFinePointer } from './focus.ts';

interface Props {
  title: string;
  onClose: () => void;
  /** What it shows is lost when it is closed: only its button does so. */
  isKept?: boolean;
  children: ReactNode;
}

/** A modal dialog: takes the focus, closes by Escape, its button or a click beside it, and gives the focus back. */
export function Dialog({ title, onClose, isKept = false, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // Closed before it is taken out of the page: only then the focus goes back to where it was.
  useLayoutEffect(() => {
    const dialog = ref.current!;
    if (!dialog.open) dialog.showModal();
    if (hasFinePointer()) dialog.querySelector('input')?.focus();
    return () => dialog.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={heading}
      // Browsers let a page hold the dialog open through `cancel` only for seconds after a click; through the key, always.
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.defaultPrevented || event.nativeEvent.isComposing) return;
        event.preventDefault();
        if (!isKept) onClose();
      }}
      // Without a key: the way back of a phone.
      onCancel={(event) => {
        event.preventDefault();
        if (!isKept) onClose();
      }}
      onClose={() => {
        const dialog = ref.current;
        if (dialog === null || dialog.open) return;
        // The browser did not ask.
        if (isKept) dialog.showModal();
        else onClose();
      }}
      onClick={(event) => {
        if (event.target === ref.current && !isKept) onClose();
      }}
    >
      <div className="dialog-body">
        <header className="dialog-header">
          <h2 id={heading}>{title}</h2>
          <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
            <svg viewBox="0 0 20 20" aria-hidden="true">
              <path d="M5 5l10 10M15 5L5 15" />
            </svg>
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
