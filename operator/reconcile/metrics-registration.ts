import type { Manifest } from '@starling/cdk8s/parts';
import { type KubeError, type KubeObject, type ObjectCache, RESOURCES } from '../kube/index.ts';
import { hasKey, isIssuedBy, readBundle, readCertificate } from '../material/certificate.ts';
import { issueAuthority, issueLeaf } from '../material/issue-certificate.ts';
import { type HeldLeaf, renewAt } from '../material/leaves.ts';
import { encodeText, textOf } from './secret-text.ts';
import type { Tools } from './work.ts';

const GROUP = 'custom.metrics.k8s.io';
const VERSION = 'v1beta2';
const NAME = `${VERSION}.${GROUP}`;
const SERVICE = 'starling-metrics-api';
const SECRET = `${SERVICE}-tls`;
const OWNER = 'starling-operator';
const MANAGED_BY = 'app.kubernetes.io/managed-by';
const CERTIFICATE_MS = 90 * 86_400_000;
/** Its Secret is in no watch: it is looked at at the start, when the registration changes, and so often. */
const LOOK_MS = 3_600_000;
const SOONEST_MS = 1_000;

interface ApiServiceParts {
  spec?: { group?: string; caBundle?: string; insecureSkipTLSVerify?: boolean; service?: { name?: string; namespace?: string } };
  status?: { conditions?: { type: string; status: string; message?: string }[] };
}
type ApiService = KubeObject & ApiServiceParts;

/** Who serves custom metrics in this Kubernetes cluster. */
export type Registration =
  | { state: 'absent' }
  | { state: 'foreign'; name: string }
  | { state: 'ours'; object: KubeObject; available: boolean; message: string };

/** Judged by every version of the group: clients of another version would else be split between two servers. */
export function judgeRegistration(services: readonly KubeObject[], operatorNamespace: string): Registration {
  const ofGroup = (services as ApiService[]).filter(({ spec }) => spec?.group === GROUP);
  const isOurs = ({ metadata, spec }: ApiService) =>
    metadata.name === NAME &&
    metadata.labels?.[MANAGED_BY] === OWNER &&
    spec?.service?.name === SERVICE &&
    spec.service.namespace === operatorNamespace;
  const foreign = ofGroup.find((service) => !isOurs(service));
  if (foreign) return { state: 'foreign', name: foreign.metadata.name };
  const [ours] = ofGroup;
  if (!ours) return { state: 'absent' };
  const available = ours.status?.conditions?.find(({ type }) => type === 'Available');
  return { state: 'ours', object: ours, available: available?.status === 'True', message: available?.message ?? '' };
}

export function readRegistration(cache: ObjectCache, operatorNamespace: string): Registration {
  return judgeRegistration(cache.list(RESOURCES.APIService), operatorNamespace);
}

/**
 * Keeps the certificate of the built-in metrics API, and registers it if nobody else serves custom metrics. The registration
 * is created, never applied: whoever creates one at the same moment keeps it. Resolves with when to look again, ms.
 */
export async function registerMetricsApi(tools: Tools): Promise<number> {
  const { cache, clock, options, memory } = tools;
  const known = memory.metricsApi;
  // A resync is no reason to ask: at rest nothing is asked.
  if (known && known.registration === stateOf(readRegistration(cache, options.operatorNamespace)) && clock.now() < known.lookAt)
    return Math.max(SOONEST_MS, known.lookAt - clock.now());
  const after = await keepRegistration(tools);
  memory.metricsApi = { registration: stateOf(readRegistration(cache, options.operatorNamespace)), lookAt: clock.now() + after };
  return after;
}

function stateOf(registration: Registration): string {
  if (registration.state !== 'ours') return registration.state;
  const { uid, resourceVersion } = registration.object.metadata;
  return `${uid} ${resourceVersion}`;
}

async function keepRegistration(tools: Tools): Promise<number> {
  const { cache, clock, options, logger } = tools;
  const registration = readRegistration(cache, options.operatorNamespace);
  const bundle = await keepCertificate(tools, registration);
  if (registration.state === 'foreign') {
    logger.warn({ apiService: registration.name }, 'custom metrics are served by another; the built-in metrics API is not registered');
  } else if (registration.state === 'absent') {
    await createRegistration(tools, bundle.text);
  } else {
    const { spec } = registration.object as ApiService;
    if (spec?.caBundle !== encodeText(bundle.text) || spec.insecureSkipTLSVerify) await trust(tools, bundle.text);
  }
  return Math.min(LOOK_MS, Math.max(SOONEST_MS, bundle.renewAt - clock.now()));
}

async function createRegistration(tools: Tools, bundle: string): Promise<void> {
  const { client, cache, options, logger } = tools;
  try {
    cache.observe(await client.create(registrationManifest(options.operatorNamespace, bundle, await ownerOf(tools))));
    logger.info({ apiService: NAME }, 'the metrics API is registered');
  } catch (error) {
    if ((error as KubeError).reason !== 'AlreadyExists') throw error;
  }
}

/** Only the authorities, and only in what is ours. */
async function trust({ client, cache }: Tools, bundle: string): Promise<void> {
  const reference = { resource: RESOURCES.APIService, name: NAME };
  cache.observe(await client.patch(reference, { spec: { caBundle: encodeText(bundle), insecureSkipTLSVerify: null } }));
}

function registrationManifest(namespace: string, bundle: string, owner: { uid: string } | undefined): Manifest {
  const ownerReferences = owner && [{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: OWNER, uid: owner.uid }];
  return {
    apiVersion: RESOURCES.APIService.apiVersion,
    kind: RESOURCES.APIService.kind,
    metadata: {
      name: NAME,
      labels: { 'app.kubernetes.io/name': 'starling', 'app.kubernetes.io/component': 'metrics-api', [MANAGED_BY]: OWNER },
      ...(ownerReferences && { ownerReferences }),
    },
    spec: {
      group: GROUP,
      version: VERSION,
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { name: SERVICE, namespace, port: 443 },
      caBundle: encodeText(bundle),
    },
  };
}

/** The ClusterRole of the installation, with which the registration goes. None, where the operator runs without one. */
async function ownerOf({ client }: Tools): Promise<{ uid: string } | undefined> {
  try {
    const role = (await client.request('GET', `/apis/rbac.authorization.k8s.io/v1/clusterroles/${OWNER}`)) as KubeObject;
    return { uid: role.metadata.uid };
  } catch (error) {
    if ((error as KubeError).status === 404) return undefined;
    throw error;
  }
}

/**
 * The certificate of the metrics API, in its Secret, and the authorities by which it is trusted. Each certificate has an
 * authority of its own, whose key nobody keeps; the one before stays trusted, since pods serve the old certificate until
 * the new one has reached them, and the new one is trusted before it is in the Secret.
 */
async function keepCertificate(tools: Tools, registration: Registration): Promise<{ text: string; renewAt: number }> {
  const { client, clock, options } = tools;
  const now = clock.now();
  const reference = { resource: RESOURCES.Secret, name: SECRET, namespace: options.operatorNamespace };
  const secret = await client.get(reference);
  const held: HeldLeaf = { certificate: textOf(secret, 'tls.crt') ?? '', key: textOf(secret, 'tls.key') ?? '' };
  const bundle = readBundle(textOf(secret, 'ca.crt') ?? '');
  const leaf = readCertificate(held.certificate);
  const due = leaf && renewAt(leaf);
  const sound = leaf && hasKey(leaf, held.key) && bundle.some((authority) => isIssuedBy(leaf, authority));
  if (sound && due !== undefined && now < due) {
    return { text: bundle.map(({ pem }) => pem).join(''), renewAt: due };
  }
  const names = [SERVICE, `${SERVICE}.${options.operatorNamespace}`, `${SERVICE}.${options.operatorNamespace}.svc`] as const;
  const authority = await issueAuthority({ cluster: 'metrics', now, lifeMs: CERTIFICATE_MS });
  const next = await issueLeaf({ names: [...names], authority, now, lifeMs: CERTIFICATE_MS });
  const text = [...bundle.slice(-1).map(({ pem }) => pem), authority.certificate].join('');
  if (registration.state === 'ours') await trust(tools, text);
  const files = { 'ca.crt': text, 'tls.crt': next.certificate, 'tls.key': next.key };
  const data = Object.fromEntries(Object.entries(files).map(([file, content]) => [file, encodeText(content)]));
  if (secret) await client.patch(reference, { metadata: { resourceVersion: secret.metadata.resourceVersion }, data });
  else await client.create(secretManifest(options.operatorNamespace, data));
  const issued = readCertificate(next.certificate);
  return { text, renewAt: issued ? renewAt(issued) : now };
}

function secretManifest(namespace: string, data: Record<string, string>): Manifest {
  const labels = { 'app.kubernetes.io/name': 'starling', 'app.kubernetes.io/component': 'metrics-api', [MANAGED_BY]: OWNER };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: SECRET, namespace, labels }, type: 'Opaque', data };
}
