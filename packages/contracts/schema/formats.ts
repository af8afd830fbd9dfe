/** A message's text may have at most so many UTF-8 bytes. */
export const MESSAGE_BYTES = 40_000;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const HANDLE = /^[a-z0-9](?:[a-z0-9._-]{0,30}[a-z0-9])?$/;
const EMAIL = /^[^\s@"<>()[\]\\,;:]{1,64}@[^\s@"<>()[\]\\,;:]{1,189}$/;

/** UUIDs are written in lower case everywhere, so that equal ids are equal strings. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Milliseconds since the epoch in a UUIDv7 (RFC 9562 §5.7). */
export function timeOfUuidV7(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}

/** Unicode text that survives UTF-8 and PostgreSQL: no lone surrogate, no NUL. */
export function isText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** Characters that turn the direction of what follows, or take no room: with them one name can look like another. */
const DECEIVING = /[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/;

/** A name that shows: text on one line with something to read in it, which spaces and invisible signs are not. */
export function isLine(text: string): boolean {
  return isText(text) && /[\p{L}\p{N}\p{P}\p{S}]/u.test(text) && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text) && !DECEIVING.test(text);
}

/** What may be posted: text that is not blank, at most {@link MESSAGE_BYTES} in UTF-8. */
export function isMessageBody(text: string): boolean {
  return text.length <= MESSAGE_BYTES && isText(text) && text.trim() !== '' && encoder.encode(text).length <= MESSAGE_BYTES;
}

const encoder = new TextEncoder();

/** The formats that the schemas of this package name; a validator is given all of them. */
export const FORMATS: Record<string, (text: string) => boolean> = {
  uuid: isUuid,
  'uuid-v7': (text) => UUID_V7.test(text),
  text: isText,
  line: isLine,
  'message-body': isMessageBody,
  handle: (text) => HANDLE.test(text),
  email: (text) => isLine(text) && EMAIL.test(text),
};
