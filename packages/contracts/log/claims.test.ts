import { describe, expect, it } from 'vitest';
import { type Claims, decodeClaims, encodeClaims } from './claims.ts';
import { encodePostHeaders, parseHeaders } from './headers.ts';

const claims: Claims = { sub: 'ann', iss: 'web', aud: 'delivery', jti: 'a-token', act: 'web' };
const post = { id: 'i', author: 'ann', client: 'c', asOf: -1, slow: false, attempt: 'p.1' };

describe('the claims of a record', () => {
  it('come back as they were written, beside what is judged', () => {
    const headers = { ...encodePostHeaders(post), ...encodeClaims(claims) };
    expect(decodeClaims(headers)).toEqual(claims);
    expect(parseHeaders(headers)).toEqual({ ...post, kind: 'message.posted', level: 1 });
  });

  it('are absent from records that have none, or not all', () => {
    expect(decodeClaims(encodePostHeaders(post))).toBeUndefined();
    for (const name of ['sub', 'iss', 'aud', 'jti', 'act']) expect(decodeClaims({ ...encodeClaims(claims), [name]: '' })).toBeUndefined();
  });

  it('are small and of one line, whoever wrote them', () => {
    for (const bad of ['x'.repeat(201), 'a b', 'a\n', 'ü', '\0']) {
      for (const name of ['sub', 'iss', 'aud', 'jti', 'act']) {
        expect(decodeClaims({ ...encodeClaims(claims), [name]: bad }), name).toBeUndefined();
        expect(encodeClaims({ ...claims, [name]: bad }), name).toEqual({});
      }
    }
  });
});
