import Type from 'typebox';

export const DeliveryConfig = Type.Object({
  /** Names this pod in its records and its log group. */
  pod: Type.String({ minLength: 1, maxLength: 64 }),
  /** How many bytes of records a partition's ring may hold for replay. */
  ringBytes: Type.Integer({ minimum: 0, default: 16 * 1024 * 1024 }),
  /**
   * How many bytes may wait for a slow socket before it is closed. Half of it must hold one piece of a replay (256 KiB and
   * a frame): with less, a socket that has missed more than that would be closed at each resume.
   */
  socketBytes: Type.Integer({ minimum: 1024 * 1024, default: 4 * 1024 * 1024 }),
});
export type DeliveryConfig = Type.Static<typeof DeliveryConfig>;
