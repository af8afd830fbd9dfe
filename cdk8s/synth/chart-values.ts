import Type from 'typebox';
import { defaultOptions, RESOURCES } from '../installation/index.ts';

const exact = { additionalProperties: false };
/** Nothing that could end a flag or a line of a manifest. */
const WORD = { pattern: '^[-A-Za-z0-9._:/@]+$', maxLength: 255 };
const OPTIONAL_WORD = { pattern: '^[-A-Za-z0-9._:/@]*$', maxLength: 255 };

function programValues(program: keyof typeof RESOURCES) {
  return {
    replicas: Type.Integer({ minimum: 1, maximum: 5, default: 2, description: 'Pods.' }),
    resources: Type.Object({}, { default: RESOURCES[program], description: 'Requests and limits of each pod.' }),
    nodeSelector: Type.Record(Type.String(), Type.String(), { default: {}, description: 'Labels that a node must have.' }),
    tolerations: Type.Array(Type.Object({}), { default: [], description: 'Taints of nodes that do not keep the pods away.' }),
  };
}

/** The values of the Helm chart, with their defaults and what they mean: values.yaml and values.schema.json are made of it. */
export function chartValues(version: string) {
  const { images, apiServer } = defaultOptions(version);
  return Type.Object(
    {
      image: Type.Object(
        {
          repository: Type.String({ ...WORD, default: repositoryOf(images.operator), description: 'Without a tag.' }),
          tag: Type.String({ ...OPTIONAL_WORD, default: '', description: "Empty: the chart's appVersion." }),
          pullPolicy: Type.Enum(['Always', 'IfNotPresent', 'Never'], { default: 'IfNotPresent', description: 'When it is pulled.' }),
        },
        { ...exact, description: 'The image of the operator and the metrics API.' },
      ),
      imagePullSecrets: Type.Array(Type.Object({ name: Type.String(WORD) }, exact), {
        default: [],
        description: 'Secrets for registries that ask for credentials, as {name}.',
      }),
      crds: Type.Object(
        {
          install: Type.Boolean({
            default: true,
            description:
              'Whether the chart installs and upgrades the definition of ChatCluster. It stays when the chart is uninstalled, with all ChatClusters.',
          }),
        },
        exact,
      ),
      watchNamespaces: Type.Array(Type.String({ ...WORD, maxLength: 63 }), {
        default: [],
        description: 'The only namespaces whose ChatClusters it looks after, with no rights in others. Empty: all.',
      }),
      allowedRegistries: Type.Array(Type.String(WORD), {
        default: [],
        description: 'With what names of images may begin, such as registry.example.com/chat/. Empty: with anything.',
      }),
      defaults: Type.Object(
        {
          image: Type.String({ ...WORD, default: images.starling, description: "Starling's, without a tag." }),
          version: Type.String({ ...OPTIONAL_WORD, default: '', description: "Starling's. Empty: the chart's appVersion." }),
          redpandaImage: Type.String({ ...WORD, default: images.redpanda, description: 'Of the built-in brokers.' }),
          postgresImage: Type.String({ ...WORD, default: images.postgres, description: 'Of the built-in database.' }),
        },
        { ...exact, description: 'What ChatClusters run that do not say.' },
      ),
      operator: Type.Object(programValues('operator'), exact),
      metricsApi: Type.Object(
        {
          enabled: Type.Boolean({
            default: false,
            description:
              'Whether the built-in metrics API runs, on which ChatClusters with autoscaling.source Builtin scale. Only one program in a cluster can serve custom metrics: leave it off where prometheus-adapter or the like does.',
          }),
          ...programValues('metricsApi'),
        },
        exact,
      ),
      keda: Type.Object(
        {
          enabled: Type.Boolean({
            default: false,
            description: 'Whether the operator may write ScaledObjects, for autoscaling.source Keda.',
          }),
        },
        exact,
      ),
      apiServer: Type.Object(
        {
          networks: Type.Array(Type.String(WORD), {
            default: [...apiServer.networks],
            minItems: 1,
            description: 'Best the addresses themselves.',
          }),
          ports: Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }), {
            default: [...apiServer.ports],
            minItems: 1,
            description: 'Of the Service and of the API servers themselves.',
          }),
        },
        { ...exact, description: 'Where the Kubernetes API is, for the network policies.' },
      ),
    },
    { ...exact, description: 'Values of the chart starling-operator' },
  );
}

function repositoryOf(image: string): string {
  return image.slice(0, image.lastIndexOf(':'));
}
