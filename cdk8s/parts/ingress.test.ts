import { expect, it } from 'vitest';
import { renderIngress } from './ingress.ts';
import { inputOf, MINIMAL, PRODUCTION, pick } from './test-inputs.ts';

const ingressOf = (spec: typeof MINIMAL) => pick(renderIngress(inputOf(spec)), 'Ingress', 'acme');

it('sends sockets straight to delivery, and all else to web', () => {
  const { rules } = ingressOf(MINIMAL).spec;
  expect(rules).toHaveLength(1);
  expect(rules[0].host).toBe('chat.example.com');
  expect(
    rules[0].http.paths.map(({ path, pathType, backend }: never) => [path, pathType, (backend as { service: unknown }).service]),
  ).toEqual([
    ['/v1/socket', 'Exact', { name: 'acme-delivery', port: { name: 'ingress' } }],
    ['/', 'Prefix', { name: 'acme-web', port: { name: 'ingress' } }],
  ]);
});

it('lets sockets live long, unless its author says otherwise', () => {
  expect(ingressOf(MINIMAL).metadata.annotations).toMatchObject({ 'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600' });
  expect(ingressOf(PRODUCTION).metadata.annotations).toEqual({
    'nginx.ingress.kubernetes.io/proxy-read-timeout': '7200',
    'nginx.ingress.kubernetes.io/proxy-send-timeout': '3600',
    'cert-manager.io/cluster-issuer': 'letsencrypt',
  });
});

it('has the class and certificate of the spec, or the defaults of its controller', () => {
  expect(ingressOf(PRODUCTION).spec).toMatchObject({
    ingressClassName: 'nginx',
    tls: [{ hosts: ['chat.example.org'], secretName: 'chat-example-org' }],
  });
  expect(Object.keys(ingressOf(MINIMAL).spec)).toEqual(['rules']);
});
