import encodeQR from 'qr';
import { useMemo } from 'react';

/** Modules of quiet around the symbol, which scanners need (ISO/IEC 18004). */
const QUIET = 4;

/** A text as a QR code, dark on light in every colour scheme: not every scanner reads the reverse. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { size, path } = useMemo(() => {
    const rows = encodeQR(text, 'raw', { border: QUIET, ecc: 'medium' });
    return { size: rows.length, path: drawPath(rows) };
  }, [text]);
  return (
    <svg className="qr-code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <path d={path} />
    </svg>
  );
}

/** Each run of dark modules in a row as one rectangle. */
function drawPath(rows: boolean[][]): string {
  let path = '';
  for (const [y, row] of rows.entries()) {
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue;
      const start = x;
      while (row[x + 1]) x++;
      path += `M${start} ${y}h${x + 1 - start}v1H${start}z`;
    }
  }
  return path;
}
