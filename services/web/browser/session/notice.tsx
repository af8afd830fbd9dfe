/** A page that only says something. */
export function Notice({ text, action, onAction }: { text: string; action?: string; onAction?: () => void }) {
  return (
    <main className="notice">
      <h1>Starling</h1>
      <p>{text}</p>
      {action !== undefined && (
        <button type="button" className="button" onClick={onAction}>
          {action}
        </button>
      )}
    </main>
  );
}
