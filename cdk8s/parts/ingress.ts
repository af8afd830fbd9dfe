import { k8s } from 'cdk8s-plus-28';
import type { Manifest, RenderInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { names } from './names.ts';

/** The path at which delivery takes sockets. */
const SOCKET_PATH = '/v1/socket';
const HOUR = '3600';

/** A socket is silent for minutes and lives for days: the controller's own limits, made for requests, would end it. */
const LONG_SOCKETS = {
  'nginx.ingress.kubernetes.io/proxy-read-timeout': HOUR,
  'nginx.ingress.kubernetes.io/proxy-send-timeout': HOUR,
};

/** Sockets go straight to delivery, so that a rollout of web ends none; all else to web. */
export function renderIngress(input: RenderInput): Manifest[] {
  const { host, ingress } = input.spec;
  const backend = (service: string) => ({ service: { name: names.of(input.name, service), port: { name: 'ingress' } } });
  return [
    k8s.KubeIngress.manifest({
      metadata: ownedMetadata(input, names.ingress(input.name), undefined, { ...LONG_SOCKETS, ...ingress.annotations }),
      spec: {
        ...(ingress.className !== undefined && { ingressClassName: ingress.className }),
        ...(ingress.tls && { tls: [{ hosts: [host], secretName: ingress.tls.name }] }),
        rules: [
          {
            host,
            http: {
              paths: [
                { path: SOCKET_PATH, pathType: 'Exact', backend: backend('delivery') },
                { path: '/', pathType: 'Prefix', backend: backend('web') },
              ],
            },
          },
        ],
      },
    }),
  ];
}
