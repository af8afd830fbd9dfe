import { Default } from 'typebox/value';
import { ChatClusterSpec } from './spec.ts';

/** Fields that hold for every installation, whether their author wrote the object around them or not. */
type Section = 'image' | 'ingress' | 'autoscaling' | 'delivery' | 'services' | 'data' | 'log' | 'certificates' | 'keys' | 'scheduling';

/** A spec with every default applied: sections without a choice of their own are there. */
export type CompleteSpec = Omit<ChatClusterSpec, Section> & Required<Pick<ChatClusterSpec, Section>>;

/** As a person may write it: whatever has a default may be left out. */
export type WrittenSpec = Written<ChatClusterSpec> & Pick<ChatClusterSpec, 'host'>;

type Written<T> = T extends readonly unknown[] ? T : T extends object ? { [Key in keyof T]?: Written<T[Key]> } : T;

/** Applies the schema's defaults, as the Kubernetes API does. Does not check: what comes from the API has been. */
export function completeSpec(spec: WrittenSpec): CompleteSpec {
  return Default(ChatClusterSpec, structuredClone(spec)) as CompleteSpec;
}
