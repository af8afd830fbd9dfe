import { useEffect, useRef, useState } from 'react';

/** The codes for the day on which the phone is lost, shown this once. */
export function RecoveryCodes({ codes, onDone }: { codes: string[]; onDone: () => Promise<void> }) {
  const heading = useRef<HTMLParagraphElement>(null);
  const [said, setSaid] = useState('');
  useEffect(() => heading.current?.focus(), []);
  const text = `${codes.join('\n')}\n`;

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied.');
    } catch {
      setSaid('Your browser does not allow copying. Select the codes, or download them.');
    }
  };
  const download = () => {
    const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = 'starling-recovery-codes.txt';
    link.click();
    URL.revokeObjectURL(url);
    setSaid('Downloaded.');
  };

  return (
    <>
      <p ref={heading} tabIndex={-1}>
        Keep these codes where you find them without your phone. Each logs you in once instead of a code of the app. They are shown only
        now.
      </p>
      <ul className="recovery-codes" aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <p role="status" className="hint">
        {said}
      </p>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={() => void copy()}>
          Copy
        </button>
        <button type="button" className="button" onClick={download}>
          Download
        </button>
        <button type="button" className="button button-primary" onClick={() => void onDone()}>
          I have kept them
        </button>
      </div>
    </>
  );
}
