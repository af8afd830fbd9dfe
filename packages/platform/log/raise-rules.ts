import { CURSOR_TOPICS } from '@starling/contracts/log';
import type { EventLog } from './event-log.ts';

/** The kind of the record after which newer rules hold in its partition. */
const KIND = 'rules.raised';

/**
 * Writes into every partition that rules of this level hold from there on. A reader that knows them takes the record for
 * absent, since it has no id; one that does not stops there. Written again, it says the same again. The topic of no epoch
 * has no such rules.
 */
export async function appendRulesRaised(log: EventLog, level: number): Promise<void> {
  for (const topic of CURSOR_TOPICS)
    for (let partition = 0; partition < log.partitions[topic]; partition++)
      await log.append(topic, partition, [{ key: '', headers: { kind: KIND, level: String(level) }, value: Buffer.alloc(0) }]);
}
