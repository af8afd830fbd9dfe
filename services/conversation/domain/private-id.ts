import { v5 } from 'uuid';

const NAMESPACE = '6f1c8a52-3a0e-4f64-9d5b-9d1f2b7c4e10';

/** The id of the private conversation of two users: the same for both, so that there can be only one (UUIDv5, RFC 9562 §5.5). */
export function privateConversationId(one: string, other: string): string {
  return v5([one, other].sort().join(' '), NAMESPACE);
}
