/** One figure of a scenario, ours beside that of one peer. */
export interface Figure {
  /** What was measured, such as `deliveries per CPU second, 10 a flush`. */
  figure: string;
  /** The unit of `ours` and `peer`, such as `1/s` or `ms`. */
  unit: string;
  ours: number;
  /** Undefined where the figure stands alone. */
  peer: number | undefined;
  peerName: string | undefined;
  /** What is asked of ours/peer, or of `ours` where the figure stands alone. */
  goal?: Goal | undefined;
}

/** A bound, both ends included. */
export type Goal = { atLeast: number } | { atMost: number };

/** What a scenario is given to run with. */
export interface ScenarioContext {
  /** End within 50 s, at the price of noise. */
  quick: boolean;
  /** The scenario's own options by name, as given or by their defaults. */
  options: Readonly<Record<string, string>>;
  /** Shows progress; never part of the result. */
  note(line: string): void;
}

/** One measurement that can be asked for by its name. */
export interface Scenario {
  name: string;
  /** One line for the list of scenarios. */
  summary: string;
  options: Record<string, { describe: string; default: string }>;
  /** Measures. Throws a {@link BenchError} when it cannot run here. */
  run(context: ScenarioContext): Promise<Figure[]>;
}

/** Something that the caller can mend: printed as one sentence, without a stack. */
export class BenchError extends Error {
  override name = 'BenchError';
}

/** Reads an option that must be a whole number of at least 1. */
export function positiveInteger(options: ScenarioContext['options'], name: string): number {
  const text = options[name] ?? '';
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new BenchError(`--${name} must be a whole number from 1 to 9999999, not "${text}"`);
  return Number(text);
}
