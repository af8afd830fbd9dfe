/**
 * A set of fields as `fieldsV1` of managedFields writes it. Keys: `f:name` a field, `k:{"name":"web"}` the item of a list with these
 * keys, `v:"x"` the member of a set, `.` the object or item itself. No members: the field as a whole, whatever it holds.
 */
export interface Fields {
  [key: string]: Fields;
}

export function isLeaf(fields: Fields): boolean {
  return Object.keys(fields).length === 0;
}

/** All that is in either. */
export function unite(one: Fields, other: Fields): Fields {
  const united: Fields = { ...one };
  for (const [key, fields] of Object.entries(other)) {
    const known = united[key];
    united[key] = known === undefined ? fields : unite(known, fields);
  }
  return united;
}

/** The value, in an object or list, that a key of its set of fields is about; undefined if there is none. */
export function valueAt(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const about = key.slice(2);
  if (key.startsWith('f:')) return (value as Record<string, unknown>)[about];
  if (!Array.isArray(value)) return undefined;
  if (key.startsWith('k:')) return itemAt(value, JSON.parse(about) as Record<string, unknown>);
  const member: unknown = JSON.parse(about);
  return value.find((candidate) => candidate === member);
}

/** The API fills in keys that were left out, such as a port's protocol: of several items, the one that names the most of them. */
function itemAt(list: readonly unknown[], keys: Record<string, unknown>): unknown {
  let found: unknown;
  let most = -1;
  for (const item of list) {
    if (typeof item !== 'object' || item === null) continue;
    const fields = item as Record<string, unknown>;
    const named = Object.keys(keys).filter((key) => fields[key] !== undefined);
    if (named.length > most && named.every((key) => fields[key] === keys[key])) {
      found = item;
      most = named.length;
    }
  }
  return found;
}

/** For people: `spec.containers[name=web].image`. */
export function describePath(keys: readonly string[]): string {
  return keys
    .map((key, index) => {
      const about = key.slice(2);
      if (key.startsWith('f:')) return /[./]/.test(about) ? `[${about}]` : `${index === 0 ? '' : '.'}${about}`;
      if (key.startsWith('v:')) return `[${about}]`;
      const pairs = Object.entries(JSON.parse(about) as Record<string, unknown>);
      return `[${pairs.map(([name, value]) => `${name}=${value}`).join(',')}]`;
    })
    .join('');
}
