import Type, { type Static } from 'typebox';
import { Data } from './data-spec.ts';
import { Bootstrap, Image, Ingress, Mail } from './edge-spec.ts';
import { exact, Host, PATTERNS, rules, set } from './fields.ts';
import { Autoscaling, Certificates, Delivery, Keys, Log, REPLICAS_ONLY_WITHOUT_AUTOSCALER, Services, Tracing } from './running-spec.ts';
import { Scheduling } from './scheduling-spec.ts';

/**
 * What a person writes of a `ChatCluster`; with every default applied, what all manifests follow from. The definition of the
 * Kubernetes API is made of this schema: see `renderCustomResource` for what of JSON Schema may be used here.
 */
export const ChatClusterSpec = Type.Object(
  {
    version: Type.Optional(
      Type.String({
        pattern: PATTERNS.tag,
        minLength: 1,
        maxLength: 64,
        description: "Of Starling: the tag of its image; absent: the operator's own version.",
      }),
    ),
    image: Type.Optional(Image),
    host: Host('Where people reach it: the host of the Ingress and of links in mail; pages of https://host may call it.', {
      ...rules({
        rule: '!isIP(self)',
        message:
          'host must be a name, not an address, since an Ingress knows no addresses: give a name that leads to the ingress controller',
      }),
    }),
    allowedOrigins: Type.Optional(
      Type.Array(Type.String({ pattern: PATTERNS.origin, maxLength: 267 }), {
        maxItems: 16,
        description: 'Other origins whose pages may call it, such as https://intranet.example.com.',
        ...set,
      }),
    ),
    registration: Type.Enum(['Open', 'Invite', 'Closed'], { default: 'Invite', description: 'Who may make an account.' }),
    bootstrap: Type.Optional(Bootstrap),
    mail: Type.Optional(Mail),
    ingress: Type.Optional(Ingress),
    autoscaling: Type.Optional(Autoscaling),
    delivery: Type.Optional(Delivery),
    services: Type.Optional(Services),
    data: Type.Optional(Data),
    log: Type.Optional(Log),
    tracing: Type.Optional(Tracing),
    certificates: Type.Optional(Certificates),
    keys: Type.Optional(Keys),
    scheduling: Type.Optional(Scheduling),
    allowForeign: Type.Optional(
      Type.Array(Type.String({ pattern: PATTERNS.line, minLength: 1, maxLength: 128 }), {
        maxItems: 16,
        description: "Field managers, such as a service mesh's injector, whose fields in the operator's objects are left alone.",
        ...set,
      }),
    ),
  },
  { ...exact, description: 'What the installation should be.', ...rules(REPLICAS_ONLY_WITHOUT_AUTOSCALER) },
);

export type ChatClusterSpec = Static<typeof ChatClusterSpec>;
