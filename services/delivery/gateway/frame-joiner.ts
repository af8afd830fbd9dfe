/**
 * Joins frames to one buffer. Connections that are flushed one after another mostly wait for the same frames: these are
 * joined once, and the buffer is shared, also while slow sockets hold it.
 */
export class FrameJoiner {
  #frames: readonly Buffer[] = [];
  #joined: Buffer = Buffer.alloc(0);

  readonly join = (frames: readonly Buffer[]): Buffer => {
    if (!areSame(frames, this.#frames)) {
      this.#frames = frames;
      this.#joined = Buffer.concat(frames);
    }
    return this.#joined;
  };
}

function areSame(one: readonly Buffer[], other: readonly Buffer[]): boolean {
  return one.length === other.length && one.every((frame, index) => frame === other[index]);
}
