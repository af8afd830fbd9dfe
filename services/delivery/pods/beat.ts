import { encodeFactHeaders, followsNewerRules } from '@starling/contracts/log';
import type { LogRecord, NewRecord } from '@starling/platform/log';
import Type from 'typebox';
import Value from 'typebox/value';
import { v7 } from 'uuid';

/** How much a pod holds, and whether it takes more. */
export const Load = Type.Object({
  /** Open sockets. */
  connections: Type.Integer({ minimum: 0 }),
  /** No more than that. */
  cap: Type.Integer({ minimum: 0 }),
  /** It hands its sockets over and takes no new ones. */
  draining: Type.Boolean(),
});
export type Load = Type.Static<typeof Load>;

/** What a pod says of itself each second on `chat.ephemeral`, to all pods of its epoch; the key is the pod. */
const BeatValue = Type.Object({
  epoch: Type.Integer(),
  load: Load,
  /** The pod's clock, ms. */
  time: Type.Integer(),
});

export interface Beat extends Type.Static<typeof BeatValue> {
  pod: string;
}

const KIND = 'pod.beat';

export function encodeBeat({ pod, ...value }: Beat): NewRecord {
  return { key: pod, headers: encodeFactHeaders({ id: v7(), kind: KIND }), value: Buffer.from(JSON.stringify(value)) };
}

/** The beat in a record; `undefined`: it has none that this code can read. */
export function decodeBeat({ key, headers, value }: LogRecord<'ephemeral'>): Beat | undefined {
  if (headers['kind'] !== KIND || followsNewerRules(headers)) return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value).toString());
    return Value.Check(BeatValue, parsed) ? { pod: key, ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
