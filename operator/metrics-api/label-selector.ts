/** One requirement of a label selector; all of a selector's must hold. */
export type LabelRequirement = { key: string } & ({ is: 'in' | 'notIn'; values: string[] } | { is: 'present' | 'absent' });

const KEY = '[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?';
const VALUE = '[-A-Za-z0-9_.]*';
const SET = new RegExp(String.raw`^(${KEY})\s+(in|notin)\s*\(([^()]*)\)$`);
const EQUALITY = new RegExp(String.raw`^(${KEY})\s*(==|=|!=)\s*(${VALUE})$`);
const PRESENCE = new RegExp(String.raw`^(!?)\s*(${KEY})$`);

/**
 * Reads a label selector as it stands in the Kubernetes API's queries: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. Empty: it
 * asks for nothing. Undefined: it is none.
 */
export function parseLabelSelector(text: string): LabelRequirement[] | undefined {
  if (text.trim() === '') return [];
  // A comma within parentheses separates values.
  const requirements = text.split(/,(?![^(]*\))/).map((part) => parseRequirement(part.trim()));
  return requirements.every((requirement) => requirement !== undefined) ? requirements : undefined;
}

function parseRequirement(text: string): LabelRequirement | undefined {
  const [, setKey, operator, list] = SET.exec(text) ?? [];
  if (setKey !== undefined && list !== undefined) {
    const values = list.split(',').map((value) => value.trim());
    return { key: setKey, is: operator === 'in' ? 'in' : 'notIn', values };
  }
  const [, equalKey, sign, value] = EQUALITY.exec(text) ?? [];
  if (equalKey !== undefined && value !== undefined) return { key: equalKey, is: sign === '!=' ? 'notIn' : 'in', values: [value] };
  const [, not, key] = PRESENCE.exec(text) ?? [];
  return key === undefined ? undefined : { key, is: not === '!' ? 'absent' : 'present' };
}

/** As Kubernetes judges: what is not in a set includes what has no such label. */
export function matchesLabels(requirements: readonly LabelRequirement[], labels: Readonly<Record<string, string>>): boolean {
  return requirements.every((requirement) => {
    const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
    if (!('values' in requirement)) return (value !== undefined) === (requirement.is === 'present');
    const listed = value !== undefined && requirement.values.includes(value);
    return listed === (requirement.is === 'in');
  });
}
