const COLOURS = 9;

/** Initials in a colour that stays with the id. The name stands beside it, so it says nothing to a screen reader. */
export function Avatar({ id, name, size = 'medium' }: { id: string; name: string; size?: 'small' | 'medium' }) {
  return (
    <span aria-hidden="true" className={`avatar avatar-${size} colour-${colourOf(id)}`}>
      {initialsOf(name)}
    </span>
  );
}

function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => word?.match(/[\p{L}\p{N}]/u)?.[0] ?? '');
  return letters.join('').toLocaleUpperCase() || '?';
}

function colourOf(id: string): number {
  let sum = 0;
  for (let index = 0; index < id.length; index++) sum = (sum * 31 + id.charCodeAt(index)) >>> 0;
  return sum % COLOURS;
}
