import { setFlagsFromString } from 'node:v8';

/**
 * For its effect: to be imported before anything else, since V8 reads these when the heap first grows. The operator holds little for long
 * and reads much once, and V8 would rather let its heap grow than collect what was read.
 */
for (const flag of ['--semi-space-growth-factor=1', '--max-semi-space-size=4']) setFlagsFromString(flag);
