import Type from 'typebox';
import { Addresses, exact, LABEL_LIMITS, Name, PATTERNS, qualifiedKeys, rules, SecretKey, SecretName, section } from './fields.ts';

export const Image = Type.Object(
  {
    repository: Type.Optional(
      Type.String({
        pattern: PATTERNS.repository,
        minLength: 1,
        maxLength: 255,
        description: 'Without a tag, which is `version`. The operator may allow only some registries.',
      }),
    ),
    pullPolicy: Type.Optional(Type.Enum(['Always', 'IfNotPresent', 'Never'], { description: 'When the image is pulled.' })),
    pullSecrets: Type.Optional(
      Type.Array(SecretName('A Secret of type kubernetes.io/dockerconfigjson.'), {
        maxItems: 8,
        description: 'For registries that ask for credentials.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
    ),
  },
  { ...section, description: "Starling's image." },
);

/** Of pods and nodes nearly everywhere: by the network policies only pods of the ingress controller's namespace get through. */
const PRIVATE_NETWORKS = ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'];

/** In keys of annotations that are copied into the configuration of a controller, of nginx and HAProxy. */
const CODE = ['snippet', '/config-'];

export const Ingress = Type.Object(
  {
    className: Type.Optional(Name('The IngressClass; absent: the default one.')),
    controllerNamespace: Type.String({
      ...LABEL_LIMITS,
      default: 'ingress-nginx',
      description: 'Where the pods of the ingress controller run: the network policies let them in. Nothing in it is read.',
    }),
    trustedProxies: Addresses('ingress.trustedProxies', 'Addresses or networks of proxies whose X-Forwarded-… headers are believed.', {
      maxItems: 32,
      default: PRIVATE_NETWORKS,
      more: [
        {
          rule: "!self.endsWith('/0')",
          message: 'ingress.trustedProxies must not trust every address, since anybody could then pass for another: name the proxies',
        },
      ],
    }),
    tls: Type.Optional(SecretName('A Secret of type kubernetes.io/tls for the host.')),
    annotations: Type.Optional(
      Type.Record(Type.String(), Type.String({ pattern: PATTERNS.text, maxLength: 1024 }), {
        maxProperties: 32,
        description: 'Of the Ingress, for its controller.',
        ...rules(
          {
            rule: `self.all(key, !${CODE.map((part) => `key.contains('${part}')`).join(' && !')})`,
            message: 'ingress.annotations must not hold snippets, which are code in the ingress controller: remove them',
          },
          qualifiedKeys('ingress.annotations may hold only keys such as nginx.ingress.kubernetes.io/proxy-body-size: correct them'),
        ),
      }),
    ),
  },
  { ...section, description: 'How people reach it.' },
);

export const Bootstrap = Type.Object(
  {
    ownerEmail: Type.String({
      pattern: PATTERNS.email,
      minLength: 3,
      maxLength: 254,
      description: 'Whoever registers with this address becomes the owner.',
    }),
  },
  { ...exact, description: 'The first account.' },
);

export const Mail = Type.Object(
  {
    from: Type.String({ pattern: PATTERNS.line, minLength: 3, maxLength: 320, description: 'Sender of all mail.' }),
    url: SecretKey('smtp(s)://user:password@host:port.'),
  },
  { ...exact, description: 'Codes and notices by mail.' },
);
