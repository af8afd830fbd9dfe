/**
 * The partition of a key: FNV-1a (Fowler, Noll, Vo; 32 bit) over its UTF-8 bytes, modulo the partition count. Every
 * writer passes the partition explicitly, so that no client library's default decides where a conversation lives.
 */
export function partitionOf(key: string, count: number): number {
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % count;
}

const encoder = new TextEncoder();
