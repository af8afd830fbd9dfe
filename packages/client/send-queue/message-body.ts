import { isMessageBody, isText, MESSAGE_BYTES } from '@starling/contracts/schema';

/** Why a text cannot be posted, as a sentence for its author; null if it can. */
export function faultOfBody(body: string): string | null {
  if (isMessageBody(body)) return null;
  if (body.trim() === '') return 'A message needs some text.';
  if (!isText(body)) return 'The message contains characters that cannot be sent. Remove them and try again.';
  const bytes = new TextEncoder().encode(body).length;
  const over = bytes - MESSAGE_BYTES;
  const excess = over === 1 ? '1 byte' : `${over.toLocaleString('en')} bytes`;
  return `The message is ${excess} too long: at most ${MESSAGE_BYTES.toLocaleString('en')} fit. Shorten it or send it in parts.`;
}
