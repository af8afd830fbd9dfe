import { describe, expect, it } from 'vitest';
import { CLOSE_CODES, retryAfterClose } from './close-codes.ts';

const entries = Object.values(CLOSE_CODES);

describe('the codes of a close', () => {
  it('are each its own, and may be sent', () => {
    expect(new Set(entries.map(({ code }) => code)).size).toBe(entries.length);
    for (const { code, reason } of entries) {
      // RFC 6455 §7.4: those that an endpoint may send, and those for private use; a reason has at most 123 bytes.
      expect([1007, 1009, 1012].includes(code) || (code >= 4000 && code < 5000)).toBe(true);
      expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    }
  });

  it('tell a client what to do', () => {
    for (const { code, retry } of entries) expect(retryAfterClose(code)).toBe(retry);
  });

  it('that are of others mean to come back after a while', () => {
    for (const code of [1000, 1001, 1005, 1006, 1011, 1013, 3000, 4999]) expect(retryAfterClose(code)).toBe('backoff');
  });
});
