import type { FindCode } from '@starling/testing/starling';
import { waitUntil } from './conditions.ts';
import { kubectl } from './kubectl.ts';

const WITHIN_MS = 20_000;
/** Of a pod's log; a code that was asked for just now is near its end. */
const LINES = 500;

/** Without a mail server a ChatCluster's codes are in identity's log, for whoever runs it to pass on. */
export function codesOf(namespace: string, cluster: string): FindCode {
  const labels = `app.kubernetes.io/instance=${cluster},app.kubernetes.io/component=identity`;
  return (id) =>
    waitUntil(`the code of ${id} in the log of identity`, WITHIN_MS, async () => {
      const log = await kubectl(['--namespace', namespace, 'logs', '--selector', labels, '--tail', String(LINES)]);
      return new RegExp(`the code of registration ${id} is (\\d{6})`).exec(log)?.[1];
    });
}
