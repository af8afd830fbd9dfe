const MESSAGE_BYTES = 256;

/** Receivers count deliveries by this: two bytes that stand in a message once, and in nothing else that peers send. */
export const MARK = 'é';

/** The body that every peer delivers: 256 bytes. */
export const MESSAGE = MARK + 'x'.repeat(MESSAGE_BYTES - Buffer.byteLength(MARK));
