import { Default } from 'typebox/value';
import { ChatClusterSpec } from './spec.ts';

/** Fields that hold for every installation, whether their author wrote the object around them or not. */
type Section = 'image' | 'ingress' | 'autoscaling' | 'delivery' | 'services' | 'log' | 'certificates' | 'keys' | 'scheduling';

/** A spec with every default applied: sections without a choice of their own are there. */
export type CompleteSpec = Omit<ChatClusterSpec, Section> & Required<Pick<ChatClusterSpec, Section>>;

/** Applies the schema's defaults, and makes the sections that the author left out. */
export function completeSpec(spec: ChatClusterSpec): CompleteSpec {
  const sections: Record<Section, object> = {
    image: {},
    ingress: {},
    autoscaling: {},
    delivery: {},
    services: {},
    log: {},
    certificates: {},
    keys: {},
    scheduling: {},
  };
  return Default(ChatClusterSpec, { ...sections, ...structuredClone(spec) }) as CompleteSpec;
}
