/** Objects as the operator applies them, one of each kind, with what the API stores in another form than it is sent. */
const labels = { 'app.kubernetes.io/name': 'starling', 'starling.chat/cluster': 'demo' };
const select = { 'app.kubernetes.io/component': 'web', 'app.kubernetes.io/instance': 'demo' };
const metadata = (name: string) => ({ name, labels });

export const pod = {
  metadata: { labels: select, annotations: { 'starling.chat/config': 'abc' } },
  spec: {
    automountServiceAccountToken: false,
    hostNetwork: false,
    imagePullSecrets: [],
    nodeSelector: {},
    terminationGracePeriodSeconds: 30,
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: { 'app.kubernetes.io/component': 'web' } },
      },
    ],
    containers: [
      {
        name: 'web',
        image: 'localhost/none:1',
        args: ['a', 'b'],
        env: [
          { name: 'A', value: '1' },
          { name: 'EMPTY', value: '' },
        ],
        ports: [{ name: 'http', containerPort: 8443 }],
        resources: { requests: { cpu: '1000m', memory: '1024Mi' } },
        securityContext: { allowPrivilegeEscalation: false, privileged: false },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp', readOnly: false }],
      },
    ],
    volumes: [{ name: 'tmp', emptyDir: {} }],
  },
};

export const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: metadata('web'),
  spec: { replicas: 0, selector: { matchLabels: select }, template: pod },
};
const { replicas: _, ...unscaled } = deployment.spec;
export const scaledByOthers = { ...deployment, spec: unscaled };
export const statefulSet = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: metadata('store'),
  spec: {
    replicas: 0,
    serviceName: 'store',
    selector: { matchLabels: select },
    template: pod,
    volumeClaimTemplates: [
      { metadata: { name: 'data', labels }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1024Mi' } } } },
    ],
  },
};
export const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata('web'),
  spec: { selector: select, ports: [{ name: 'http', port: 8443, targetPort: 'http' }] },
};
export const headless = {
  ...service,
  metadata: metadata('store'),
  spec: { ...service.spec, clusterIP: 'None', publishNotReadyAddresses: true },
};
export const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('web'), data: { 'config.json': '{}' } };
export const secret = { apiVersion: 'v1', kind: 'Secret', metadata: metadata('web'), type: 'Opaque', data: { key: 'AAEC' } };
export const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata('web'), automountServiceAccountToken: false };
export const budget = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: metadata('web'),
  spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels: select } },
};
export const policy = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: metadata('web'),
  spec: {
    podSelector: { matchLabels: select },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [{ podSelector: { matchLabels: select } }, { podSelector: {} }], ports: [{ port: 8443 }] }],
    egress: [],
  },
};
export const ingress = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { ...metadata('web'), annotations: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600' } },
  spec: {
    rules: [
      {
        host: 'chat.example',
        http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { name: 'http' } } } }] },
      },
    ],
  },
};
export const autoscaler = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: metadata('web'),
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    minReplicas: 2,
    maxReplicas: 10,
    metrics: [
      { type: 'Pods', pods: { metric: { name: 'starling_connections' }, target: { type: 'AverageValue', averageValue: '2000000m' } } },
    ],
    behavior: { scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: 'Pods', value: 1, periodSeconds: 30 }] } },
  },
};
export const job = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: metadata('expand'),
  spec: {
    backoffLimit: 0,
    template: {
      metadata: { labels: { 'app.kubernetes.io/component': 'migrate' } },
      spec: {
        restartPolicy: 'Never',
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'expand',
            image: 'localhost/none:1',
            imagePullPolicy: 'Never',
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    },
  },
};
const storage = { accessModes: ['ReadWriteOnce'], storageClassName: 'none', resources: { requests: { storage: '1024Mi' } } };
export const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: metadata('data'), spec: storage };
/** The cluster's, not the namespace's: for one claim at a time. */
export const volume = {
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'starling-drift' },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'none',
    persistentVolumeReclaimPolicy: 'Delete',
    capacity: { storage: '1Gi' },
    hostPath: { path: '/tmp/starling-drift' },
  },
};
