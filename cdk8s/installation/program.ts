import type { Manifest } from '../parts/index.ts';
import { PORTS } from '../parts/ports.ts';
import { containerSecurity, podSecurity, USERS } from '../parts/security.ts';
import { installed, type NAMES, SELECTORS } from './metadata.ts';

/** What differs between the two programs of the installation. */
interface Program {
  name: (typeof NAMES)['operator' | 'metricsApi'];
  namespace: string;
  selector: keyof typeof SELECTORS;
  image: string;
  /** Of Node: the program's file and its flags. */
  args: string[];
  resources: { requests: { cpu: string; memory: string }; limits: { memory: string } };
  ports?: { name: string; containerPort: number }[];
  volumes?: { volume: object; mount: { name: string; mountPath: string; readOnly: true } }[];
}

/** ServiceAccount, Deployment of two pods and PodDisruptionBudget of a program that speaks to the Kubernetes API. */
export function renderProgram(program: Program): Manifest[] {
  const { name, namespace } = program;
  const labels = SELECTORS[program.selector];
  const metadata = { name, namespace, labels: installed(labels) };
  return [
    // Only the pods that ask for it have the token.
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 2,
        revisionHistoryLimit: 3,
        selector: { matchLabels: labels },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: { metadata: { labels: installed(labels), annotations: scrapeAnnotations() }, spec: renderPod(program, labels) },
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels: labels } },
    },
  ];
}

function scrapeAnnotations(): Record<string, string> {
  return { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(PORTS.side), 'prometheus.io/path': '/metrics' };
}

function renderPod({ name, image, args, resources, ports = [], volumes = [] }: Program, labels: Record<string, string>): object {
  return {
    serviceAccountName: name,
    automountServiceAccountToken: true,
    enableServiceLinks: false,
    securityContext: podSecurity(USERS.starling),
    terminationGracePeriodSeconds: 30,
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: labels },
      },
    ],
    containers: [
      {
        name: name.replace('starling-', ''),
        image,
        imagePullPolicy: 'IfNotPresent',
        args,
        ports: [...ports, { name: 'side', containerPort: PORTS.side }],
        startupProbe: { ...probe('/healthz'), periodSeconds: 1, failureThreshold: 60 },
        livenessProbe: { ...probe('/healthz'), periodSeconds: 10, failureThreshold: 3 },
        readinessProbe: { ...probe('/readyz'), periodSeconds: 5, failureThreshold: 2 },
        resources,
        securityContext: containerSecurity(),
        volumeMounts: [...volumes.map(({ mount }) => mount), { name: 'tmp', mountPath: '/tmp' }],
      },
    ],
    volumes: [...volumes.map(({ volume }) => volume), { name: 'tmp', emptyDir: { sizeLimit: '16Mi' } }],
  };
}

function probe(path: string): object {
  return { httpGet: { path, port: 'side', scheme: 'HTTP' }, timeoutSeconds: 2 };
}
