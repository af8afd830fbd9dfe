import { FORMATS } from '@starling/contracts/schema';
import { ClientFrame, type SendFrame } from '@starling/contracts/socket';
import { Ajv } from 'ajv';

const validate = new Ajv({ formats: FORMATS, discriminator: false }).compile<ClientFrame>(ClientFrame);

/** What came over a socket: a frame, a send that is wrong but can be answered as refused, or nothing of the protocol. */
export type Received =
  | { is: 'frame'; frame: ClientFrame }
  | { is: 'bad-send'; send: Pick<SendFrame, 'conversation' | 'client'> }
  | { is: 'bad' };

/** Reads a text message of a socket. */
export function readFrame(text: string): Received {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { is: 'bad' };
  }
  if (validate(parsed)) return { is: 'frame', frame: parsed };
  return isAnswerable(parsed) ? { is: 'bad-send', send: { conversation: parsed.conversation, client: parsed.client } } : { is: 'bad' };
}

function isAnswerable(parsed: unknown): parsed is Pick<SendFrame, 'conversation' | 'client'> {
  if (typeof parsed !== 'object' || parsed === null) return false;
  const { type, conversation, client } = parsed as Record<string, unknown>;
  return (
    type === 'send' &&
    typeof conversation === 'string' &&
    typeof client === 'string' &&
    isFormat('uuid', conversation) &&
    isFormat('uuid-v7', client)
  );
}

function isFormat(name: string, text: string): boolean {
  return FORMATS[name]?.(text) === true;
}
