import { k8s } from 'cdk8s-plus-28';

const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const QUANTITY = /^([+-]?)(\d+)?(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/;
/** What is exact within: the smallest unit there is. */
const NANO = 1_000_000_000n;

/**
 * A quantity as the API server writes it: no fraction, the largest suffix that leaves none. Only then does what is
 * desired equal what is stored. Finer than a nano is rounded up, as there; an exponent becomes a suffix.
 *
 * @throws Error if it is not a quantity of at least zero.
 */
export function canonicalQuantity(text: string): string {
  const { nanos, binary } = parse(text);
  if (nanos === 0n) return '0';
  const whole = (nanos + NANO - 1n) / NANO;
  // Less than 1,024 is written in the decimal way, whatever the suffix was.
  return binary && nanos >= 1024n * NANO ? largest(whole, 1024n, BINARY, 0) : largest(nanos, 1000n, DECIMAL, 0);
}

/** A quantity for the generated types, in its canonical form. */
export function quantity(text: string): k8s.Quantity {
  return k8s.Quantity.fromString(canonicalQuantity(text));
}

/** How many of the unit a quantity is: bytes, cores. */
export function amountOf(text: string): number {
  return Number(parse(text).nanos) / Number(NANO);
}

function parse(text: string): { nanos: bigint; binary: boolean } {
  const [, sign, integer = '', fraction = '', suffix = ''] = QUANTITY.exec(text) ?? [];
  if (sign === undefined || sign === '-' || integer + fraction === '')
    throw new Error(`"${text}" is not a quantity: write a number of at least 0 with a suffix such as Mi, Gi or m`);
  const digits = BigInt(integer + fraction);
  const multiplier = multiplierOf(suffix);
  const scale = 10n ** BigInt(fraction.length);
  const scaled = digits * multiplier.nanos;
  return { nanos: (scaled + scale - 1n) / scale, binary: multiplier.binary };
}

function multiplierOf(suffix: string): { nanos: bigint; binary: boolean } {
  const binary = BINARY.indexOf(suffix);
  if (binary > 0) return { nanos: NANO * 1024n ** BigInt(binary), binary: true };
  const decimal = DECIMAL.indexOf(suffix);
  if (decimal >= 0) return { nanos: 1000n ** BigInt(decimal), binary: false };
  const exponent = Number(suffix.slice(1));
  if (exponent < -9 || exponent > 18) throw new Error(`the exponent of "${suffix}" is not within -9 and 18`);
  return { nanos: 10n ** BigInt(exponent + 9), binary: false };
}

/** Divides while nothing is left over. `value` counts units of `suffixes[from]`. */
function largest(value: bigint, step: bigint, suffixes: string[], from: number): string {
  let index = from;
  let rest = value;
  while (index < suffixes.length - 1 && rest % step === 0n) {
    rest /= step;
    index += 1;
  }
  return `${rest}${suffixes[index]}`;
}
