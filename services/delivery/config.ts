import Type from 'typebox';

const exact = { additionalProperties: false };

export const DeliveryConfig = Type.Object(
  {
    /** Names this pod in its records and beats, as no other does; a random id unless given. */
    pod: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    /** How many bytes of records a partition's ring may hold for replay. */
    ringBytes: Type.Integer({ minimum: 0, default: 16 * 1024 * 1024 }),
    /**
     * How many bytes may wait for a slow socket before it is closed. Half of it must hold one piece of a replay (256 KiB and
     * a frame): with less, a socket that has missed more than that would be closed at each resume.
     */
    socketBytes: Type.Integer({ minimum: 1024 * 1024, default: 4 * 1024 * 1024 }),
    /** No more sockets than that are open at a time; each takes a file descriptor and some 10 kB. */
    connectionCap: Type.Integer({ minimum: 1, default: 10_000 }),
    /** So many upgrades a second are taken for long, and twice as many at once. */
    upgradesPerSecond: Type.Integer({ minimum: 1, default: 200 }),
    /** How long the sockets of a pod that is told to stop have to go elsewhere. */
    drainSeconds: Type.Integer({ minimum: 0, maximum: 3600, default: 30 }),
  },
  exact,
);
export type DeliveryConfig = Type.Static<typeof DeliveryConfig>;
