import Type from 'typebox';
import { exact, Name, PATTERNS, qualifiedKeys, rules, section } from './fields.ts';

const Toleration = Type.Object(
  {
    key: Type.Optional(Type.String({ pattern: PATTERNS.labelKey, maxLength: 317, description: 'Key of the taint; absent: any.' })),
    operator: Type.Optional(Type.Enum(['Exists', 'Equal'], { description: 'Absent: Equal.' })),
    value: Type.Optional(Type.String({ pattern: PATTERNS.labelValue, maxLength: 63, description: 'Value of the taint.' })),
    effect: Type.Optional(Type.Enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], { description: 'Absent: all.' })),
    tolerationSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400, description: 'Of NoExecute: how long the pod stays.' })),
  },
  {
    ...exact,
    ...rules(
      {
        rule: "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
        message: 'scheduling.tolerations: one without key must have operator Exists: add key, or set operator',
      },
      {
        rule: "!has(self.value) || !has(self.operator) || self.operator == 'Equal' || self.value == ''",
        message: 'scheduling.tolerations: one with operator Exists must have no value: remove value, or set operator to Equal',
      },
      {
        rule: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        message: 'scheduling.tolerations: tolerationSeconds is allowed only with effect NoExecute: remove it, or set effect',
      },
    ),
  },
);

export const Scheduling = Type.Object(
  {
    nodeSelector: Type.Optional(
      Type.Record(Type.String(), Type.String({ pattern: PATTERNS.labelValue, maxLength: 63 }), {
        maxProperties: 16,
        description: 'Labels that a node must have.',
        ...rules(qualifiedKeys('scheduling.nodeSelector may hold only keys of labels, such as topology.kubernetes.io/zone: correct them')),
      }),
    ),
    tolerations: Type.Optional(
      Type.Array(Toleration, {
        maxItems: 16,
        description: 'Taints of nodes that do not keep the pods away.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    priorityClassName: Type.Optional(Name('The PriorityClass.')),
  },
  { ...section, description: 'Where the pods run.' },
);
