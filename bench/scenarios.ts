import { endToEnd } from './end-to-end/scenario.ts';
import { fanOut } from './fan-out/scenario.ts';
import type { Scenario } from './scenario.ts';

/** Every scenario; another is added here. */
export const SCENARIOS: readonly Scenario[] = [fanOut, endToEnd];
