import type { Live } from './kubernetes.ts';

/** Where a Service's pods that are ready listen, `address:port` each. */
export type Backends = (namespace: string, service: string, port: { name?: string; number?: number }) => string[];

export interface Route {
  host: string | undefined;
  type: 'Exact' | 'Prefix' | 'ImplementationSpecific';
  path: string;
  namespace: string;
  service: string;
  port: { name?: string; number?: number };
}

/** The routes of all Ingress objects in the order in which they are tried: exact ones first, then the longest. */
export function readRoutes(ingresses: Iterable<Live>): Route[] {
  const routes = [...ingresses].flatMap(({ metadata, spec }) =>
    ((spec.rules ?? []) as Live[]).flatMap(({ host, http }) =>
      ((http?.paths ?? []) as Live[]).map(({ path = '/', pathType: type, backend }) => {
        return { host, type, path, namespace: metadata.namespace, service: backend.service.name, port: backend.service.port };
      }),
    ),
  );
  return routes.sort((a, b) => Number(b.type === 'Exact') - Number(a.type === 'Exact') || b.path.length - a.path.length);
}

/** As the Ingress API defines it: a prefix is one of whole segments, `*.` of a host is one label. */
export function findRoute(routes: Route[], host: string, url: string): Route | undefined {
  const path = url.split('?')[0] as string;
  return routes.find((route) => isOfHost(route, host) && isOnPath(route, path));
}

function isOfHost(route: Route, host: string): boolean {
  if (route.host === undefined || route.host === host) return true;
  return route.host.startsWith('*.') && host.includes('.') && host.slice(host.indexOf('.')) === route.host.slice(1);
}

function isOnPath({ type, path: prefix }: Route, path: string): boolean {
  if (type === 'Exact') return path === prefix;
  const stem = prefix.replace(/\/$/, '');
  return path === stem || path.startsWith(`${stem}/`);
}

/** @param slices all EndpointSlices. */
export function readBackends(slices: Iterable<Live>): Backends {
  const byService = Map.groupBy(slices, ({ metadata }) => `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name']}`);
  // Ports of Services are found by name here; one given by number is that of the only port, or of the same number in the pods.
  return (namespace, service, wanted) =>
    (byService.get(`${namespace}/${service}`) ?? []).flatMap(({ ports, endpoints }) => {
      const all = (ports ?? []) as { name?: string; port: number }[];
      const port =
        all.find(({ name, port }) => (wanted.name === undefined ? port === wanted.number : name === wanted.name)) ??
        (all.length === 1 ? all[0] : undefined);
      const ready = ((endpoints ?? []) as Live[]).filter(({ conditions }) => conditions?.ready !== false);
      return port ? ready.map(({ addresses }) => `${addresses[0]}:${port.port}`) : [];
    });
}
