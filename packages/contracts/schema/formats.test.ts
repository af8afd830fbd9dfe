import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FORMATS, isLine, isMessageBody, isText, isUuid, MESSAGE_BYTES, timeOfUuidV7 } from './formats.ts';

const fits = (format: string, text: string) => FORMATS[format]?.(text);

describe('a UUID', () => {
  it('is written in lower case, with version and variant', () => {
    fc.assert(fc.property(fc.uuid(), (uuid) => isUuid(uuid)));
    for (const wrong of [
      '',
      'F47AC10B-58CC-4372-A567-0E02B2C3D479',
      'f47ac10b58cc4372a5670e02b2c3d479',
      '{f47ac10b-58cc-4372-a567-0e02b2c3d479}',
      'f47ac10b-58cc-4372-a567-0e02b2c3d479\n',
      'f47ac10b-58cc-0372-a567-0e02b2c3d479',
      'f47ac10b-58cc-4372-c567-0e02b2c3d479',
      '00000000-0000-0000-0000-000000000000',
    ])
      expect(isUuid(wrong), wrong).toBe(false);
  });

  it('of version 7 tells its time', () => {
    expect(fits('uuid-v7', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f')).toBe(true);
    expect(fits('uuid-v7', 'f47ac10b-58cc-4372-a567-0e02b2c3d479')).toBe(false);
    // The example of RFC 9562, appendix A.6: Tuesday, February 22, 2022 2:22:22.00 PM GMT-05:00.
    expect(timeOfUuidV7('017f22e2-79b0-7cc3-98c4-dc0c0c07398f')).toBe(Date.UTC(2022, 1, 22, 19, 22, 22));
  });
});

describe('text', () => {
  it('is what UTF-8 and PostgreSQL can hold', () => {
    for (const good of ['', 'a', '☀️', '𝄞', '\n\t']) expect(isText(good)).toBe(true);
    for (const bad of ['\0', 'a\0b', '\ud834', '\udd1e', 'x\ud834y']) expect(isText(bad)).toBe(false);
  });
});

describe('a line', () => {
  it('shows something, on one line', () => {
    for (const good of ['a', ' a ', '名前', '☀️', '-', '👩‍👩‍👧']) expect(isLine(good), good).toBe(true);
    const blank = ['', ' ', '\u00a0', '\u3000', '\u200b', '\u200d\u2060', '\ufeff', '\u00ad', '\ufe0f'];
    const split = ['a\nb', 'a\rb', 'a\tb', 'a\u0085b', 'a\u2028b', 'a\u2029b', 'a\u001bb', 'a\0b', 'a\ud800'];
    for (const bad of [...blank, ...split]) expect(isLine(bad), JSON.stringify(bad)).toBe(false);
  });
});

describe("a message's text", () => {
  it('is not blank and at most 40,000 bytes long', () => {
    for (const good of ['a', ' a\n', 'x'.repeat(MESSAGE_BYTES), 'ü'.repeat(MESSAGE_BYTES / 2), '𝄞'.repeat(MESSAGE_BYTES / 4)])
      expect(isMessageBody(good)).toBe(true);
    const bad = [
      '',
      ' \n\t',
      '\u3000',
      'x'.repeat(MESSAGE_BYTES + 1),
      `${'ü'.repeat(MESSAGE_BYTES / 2)}x`,
      `${'𝄞'.repeat(MESSAGE_BYTES / 4)}x`,
      'a\0',
      '\ud800',
    ];
    for (const body of bad) expect(isMessageBody(body), body.slice(0, 10)).toBe(false);
  });

  it('is judged by its bytes, whatever it is made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 3_000 }), (part, times) => {
        const body = part.repeat(times);
        fc.pre(body.trim() !== '' && !body.includes('\0'));
        expect(isMessageBody(body)).toBe(Buffer.byteLength(body) <= MESSAGE_BYTES);
      }),
    );
  });
});

describe('a handle', () => {
  it('is made of lower case letters, digits and inner signs', () => {
    for (const good of ['a', 'a1', 'ann.lee', 'ann-lee_2', 'x'.repeat(32)]) expect(fits('handle', good), good).toBe(true);
    for (const bad of ['', 'Ann', '.ann', 'ann.', '_a', 'a b', 'ä', 'x'.repeat(33), 'ann\n']) expect(fits('handle', bad), bad).toBe(false);
  });
});

describe('an email address', () => {
  it('has two parts that PostgreSQL can hold', () => {
    for (const good of ['a@b', 'ann.lee+x@example.org', 'ü@example.org']) expect(fits('email', good), good).toBe(true);
    for (const bad of [
      '',
      'a',
      '@b',
      'a@',
      'a@b@c',
      'a b@c',
      '<a@b>',
      'a@b,c@d',
      'a\0b@c',
      'a\u0007@c',
      '\ud800@c',
      `${'x'.repeat(65)}@c`,
      'a@b\n',
    ])
      expect(fits('email', bad), JSON.stringify(bad)).toBe(false);
  });
});
