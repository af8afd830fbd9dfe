import { endToEnd } from './end-to-end/scenario.ts';
import { fanOut } from './fan-out/scenario.ts';
import { hop } from './hop/scenario.ts';
import { login } from './login/scenario.ts';
import { loginFlood } from './login-flood/scenario.ts';
import { operator } from './operator/scenario.ts';
import { reset } from './reset/scenario.ts';
import { revocation } from './revocation/scenario.ts';
import type { Scenario } from './scenario.ts';
import { tokens } from './tokens/scenario.ts';

/** Every scenario; another is added here. */
export const SCENARIOS: readonly Scenario[] = [fanOut, endToEnd, tokens, hop, login, loginFlood, revocation, reset, operator];
