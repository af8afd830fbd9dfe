import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Invitation } from '../peers/control.ts';
import { MARK } from '../peers/message.ts';

const mark = Buffer.from(MARK);
const [lead = 0, trail = 0] = mark;

/** One buffer for all sockets, since what they read is looked at in the same call and not kept. */
const shared = Buffer.allocUnsafe(256 * 1024);

/**
 * A WebSocket client that is cheap enough to stand for one of thousands: it joins, and from then on counts messages in
 * the bytes that come, by their mark, without taking frames apart.
 */
export class Receiver {
  readonly #onReceived: (messages: number) => void;
  /** The last byte of the previous read was the first of a mark. */
  #split = false;

  constructor(onReceived: (messages: number) => void) {
    this.#onReceived = onReceived;
  }

  /** Resolves when the peer has let the receiver in. */
  join({ port, path, protocols, send, joined }: Invitation, index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let greeting: string | undefined = '';
      let upgraded = false;
      const read = (bytes: number): boolean => {
        if (greeting === undefined) {
          this.#count(shared.subarray(0, bytes));
          return true;
        }
        greeting += shared.toString('latin1', 0, bytes);
        if (!upgraded && greeting.includes('\r\n\r\n')) {
          if (!greeting.startsWith('HTTP/1.1 101')) reject(new Error(`a receiver was refused: ${greeting.slice(0, 300)}`));
          upgraded = true;
          for (const text of send) socket.write(maskedFrame(text));
        }
        if (upgraded && greeting.includes(joined)) {
          greeting = undefined;
          resolve();
        }
        return true;
      };
      const socket = connect({ port, host: '127.0.0.1', onread: { buffer: shared, callback: read } });
      socket.once('error', reject);
      socket.once('close', () => reject(new Error(`a receiver was disconnected; it had got: ${greeting ?? 'all that it needs to join'}`)));
      const protocol = protocols?.[index];
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
          `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n${protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : ''}\r\n`,
      );
    });
  }

  #count(bytes: Buffer): void {
    let messages = this.#split && bytes[0] === trail ? 1 : 0;
    for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 2)) messages++;
    this.#split = bytes.at(-1) === lead;
    if (messages > 0) this.#onReceived(messages);
  }
}

/** A short text frame as a client must send it; a mask of zeros leaves the text as it is. */
function maskedFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const length = payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload]);
}
