import { ConfigError } from '@starling/platform/config';
import { expect, test } from 'vitest';
import { createSmtp } from './transport.ts';

const from = 'no-reply@example.org';

test('what is no URL of a mail server is said, and not repeated', () => {
  for (const url of ['', 'mail.example.org', 'http://user:hidden@mail.example.org', 'smtp://', 'smtp:hidden', 'smtp://user:hidden@:25']) {
    const refusal = (() => {
      try {
        return createSmtp({ url, from });
      } catch (error) {
        return error as Error;
      }
    })();
    expect(refusal).toBeInstanceOf(ConfigError);
    expect((refusal as Error).message).toContain('smtp://user:password@host:587');
    expect((refusal as Error).message).not.toContain('hidden');
  }
  createSmtp({ url: 'smtp://user:p%40ss@[::1]:2525', from });
});
