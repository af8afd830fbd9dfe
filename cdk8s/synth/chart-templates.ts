import { renderCustomResource } from '../chat-cluster/index.ts';
import {
  defaultOptions,
  type InstallationOptions,
  renderKedaRights,
  renderMetricsApi,
  renderOperator,
  renderUserRoles,
} from '../installation/index.ts';
import type { Manifest } from '../parts/index.ts';
import { toYaml } from './to-yaml.ts';

/** `$`, since within `range` and `with` the dot is another. Backquotes, since YAML may put double ones around. */
const EXPRESSIONS: InstallationOptions = {
  ...defaultOptions(''),
  namespace: '{{ $.Release.Namespace }}',
  images: {
    operator: '{{ $.Values.image.repository }}:{{ $.Values.image.tag | default $.Chart.AppVersion }}',
    starling: '{{ $.Values.defaults.image }}',
    version: '{{ $.Values.defaults.version | default $.Chart.AppVersion }}',
    redpanda: '{{ $.Values.defaults.redpandaImage }}',
    postgres: '{{ $.Values.defaults.postgresImage }}',
  },
  allowedRegistries: ['{{ join `,` . }}'],
};

/** Inside `range $.Values.watchNamespaces`. */
const EACH_NAMESPACE = '{{ . }}';

/** The templates of the chart, by the names of their files: the installation's own manifests, with expressions for what values set. */
export function renderChartTemplates(): Record<string, string> {
  return {
    'custom-resource.yaml': when('$.Values.crds.install', literal(toYaml([keptDefinition()]))),
    'roles.yaml': toYaml(renderUserRoles()),
    'operator.yaml': forNamespaces((options) => renderOperator(options).map((manifest) => withValues(manifest, 'operator'))),
    'metrics-api.yaml': when(
      '$.Values.metricsApi.enabled',
      forNamespaces((options) => renderMetricsApi(options).map((manifest) => withValues(manifest, 'metricsApi'))),
    ),
    'keda.yaml': when('$.Values.keda.enabled', forNamespaces(renderKedaRights)),
  };
}

/** Uninstalling the chart must not take every ChatCluster with it. */
function keptDefinition(): Manifest {
  const definition = renderCustomResource();
  return { ...definition, metadata: { ...definition.metadata, annotations: { 'helm.sh/resource-policy': 'keep' } } };
}

function literal(yaml: string): string {
  if (yaml.includes('{{'))
    throw new Error('the definition of ChatCluster has two braces in a row, which Helm takes for an expression: write it otherwise');
  return yaml;
}

/**
 * What the installation has with and without namespaces to watch, each on its condition: the difference is found by
 * rendering both.
 */
function forNamespaces(render: (options: InstallationOptions) => Manifest[]): string {
  const everywhere = render({ ...EXPRESSIONS, watchNamespaces: [] });
  const somewhere = render({ ...EXPRESSIONS, watchNamespaces: [EACH_NAMESPACE] });
  const isIn = (others: Manifest[]) => (manifest: Manifest) => others.some((other) => identityOf(other) === identityOf(manifest));
  const always = somewhere.filter(isIn(everywhere));
  const onlyEverywhere = everywhere.filter((manifest) => !isIn(somewhere)(manifest));
  const onlySomewhere = somewhere.filter((manifest) => !isIn(everywhere)(manifest));
  return [
    fillIn(toYaml(always)),
    `---\n${when('not $.Values.watchNamespaces', toYaml(onlyEverywhere))}`,
    `{{- range $.Values.watchNamespaces }}\n---\n${toYaml(onlySomewhere)}{{- end }}\n`,
  ].join('');
}

function identityOf({ kind, metadata }: Manifest): string {
  return [kind, metadata.namespace, metadata.name].join('/');
}

function when(condition: string, yaml: string): string {
  return `{{- if ${condition} }}\n${yaml}{{- end }}\n`;
}

/** Puts markers where values set what is no text; see {@link fillIn}. */
function withValues(manifest: Manifest, program: 'operator' | 'metricsApi'): Manifest {
  const { kind } = manifest;
  const values = `$.Values.${program}`;
  if (kind === 'Deployment') return deploymentWithValues(manifest, values);
  if (kind !== 'NetworkPolicy') return manifest;
  const spec = structuredClone(manifest['spec']) as { egress: { to: unknown; ports: unknown }[] };
  const toApiServer = spec.egress.find(({ to }) => JSON.stringify(to).includes('0.0.0.0/0'));
  if (!toApiServer) throw new Error(`the policy ${manifest.metadata.name} has no edge to the Kubernetes API: it cannot be set by values`);
  toApiServer.to = '@@{{ include `starling.apiServerPeers` $ }}@@';
  toApiServer.ports = '@@{{ include `starling.apiServerPorts` $ }}@@';
  return { ...manifest, spec };
}

function deploymentWithValues(manifest: Manifest, values: string): Manifest {
  interface Container {
    args: string[];
    [field: string]: unknown;
  }
  const spec = structuredClone(manifest['spec']) as {
    replicas: unknown;
    template: { spec: { containers: Container[]; [field: string]: unknown } };
  };
  const pod = spec.template.spec;
  const [container] = pod.containers;
  if (!container) throw new Error(`the Deployment ${manifest.metadata.name} has no container`);
  spec.replicas = `@@{{ ${values}.replicas }}@@`;
  container['resources'] = `@@{{ toJson ${values}.resources }}@@`;
  container['imagePullPolicy'] = '{{ $.Values.image.pullPolicy }}';
  container.args = container.args.map(withFlagValue);
  for (const field of ['nodeSelector', 'tolerations']) pod[field] = `@@with ${values}.${field}@@`;
  pod['imagePullSecrets'] = '@@with $.Values.imagePullSecrets@@';
  return { ...manifest, spec };
}

function withFlagValue(flag: string): string {
  const [name] = flag.split('=');
  if (name === '--metrics-api') return `${name}={{ ternary \`on\` \`off\` $.Values.metricsApi.enabled }}`;
  if (name === '--watch-namespaces') return `@@item $.Values.watchNamespaces ${name}={{ join \`,\` . }}@@`;
  if (name === '--allowed-registries') return `@@item $.Values.allowedRegistries ${flag}@@`;
  return flag;
}

/**
 * Replaces the markers, with the quotes that YAML has put around them: `@@{{ expression }}@@` by an expression that gives
 * JSON; a field `@@with value@@` by one that is there only if the value is not empty; an entry of a list likewise.
 */
function fillIn(yaml: string): string {
  return yaml
    .replace(/^( *)([A-Za-z]+): "?@@with (\S+)@@"?$/gm, '$1{{- with $3 }}\n$1$2: {{ toJson . }}\n$1{{- end }}')
    .replace(/^( *)- "?@@item (\S+) (.+)@@"?$/gm, '$1{{- with $2 }}\n$1- $3\n$1{{- end }}')
    .replace(/"?@@(\{\{.+?\}\})@@"?/g, '$1');
}
