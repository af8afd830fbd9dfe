/** The subprotocol that the server selects. A token goes beside it as `starling.token.<token>` and is never echoed. */
export const SUBPROTOCOL = 'starling.v1';
export const TOKEN_SUBPROTOCOL_PREFIX = 'starling.token.';

/** No frame may be larger, in either direction. */
export const FRAME_BYTES = 256 * 1024;
