import { describe, expect, it } from 'vitest';
import { amountOf, canonicalQuantity } from './quantities.ts';

describe('a quantity is written as the API server writes it', () => {
  it.each([
    ['1024Mi', '1Gi'],
    ['1536Mi', '1536Mi'],
    ['1.5Gi', '1536Mi'],
    ['2048Gi', '2Ti'],
    ['512Mi', '512Mi'],
    ['1023Ki', '1023Ki'],
    ['1Ki', '1Ki'],
    ['0.5Ki', '512'],
    ['0.5', '500m'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['.1', '100m'],
    ['2', '2'],
    ['2.0', '2'],
    ['+3', '3'],
    ['10000', '10k'],
    ['1000000', '1M'],
    ['1234', '1234'],
    ['1e3', '1k'],
    ['100u', '100u'],
    ['0.1n', '1n'],
    ['0', '0'],
    ['0Mi', '0'],
  ])('%s as %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical);
    expect(canonicalQuantity(canonical)).toBe(canonical);
  });

  it.each(['', 'Mi', '-1', '1 Gi', '1GiB', '1Gi2', 'e3', '1e', '1e99', '.', '１'])('%j is none', (text) => {
    expect(() => canonicalQuantity(text)).toThrow(/quantity|exponent/);
  });
});

it('a quantity has an amount', () => {
  expect([amountOf('512Mi'), amountOf('250m'), amountOf('1k')]).toEqual([512 * 1024 * 1024, 0.25, 1000]);
});
