import { k8s } from 'cdk8s-plus-28';
import type { Catalogue } from './catalogue.ts';
import type { Manifest, RenderInput } from './input.ts';
import { selectorOf } from './labels.ts';
import { ownedMetadata } from './metadata.ts';
import { names } from './names.ts';
import { portsOf } from './ports.ts';

interface NamedPort {
  name: string;
  port: number;
}

/** By which the ingress and other services reach a service. Its side port is reached pod by pod. */
export function renderServiceAddress(input: RenderInput, catalogue: Catalogue, service: string): Manifest {
  const ports = portsOf(catalogue.describe(service).ingress).filter(({ name }) => name !== 'side');
  return k8s.KubeService.manifest({
    metadata: ownedMetadata(input, names.of(input.name, service), service),
    spec: { type: 'ClusterIP', selector: selectorOf(input.name, service), ports: ports.map(byName) },
  });
}

/** Gives each pod of a StatefulSet a name. */
export function renderHeadless(
  input: RenderInput,
  component: 'postgres' | 'redpanda',
  ports: NamedPort[],
  { publishNotReady }: { publishNotReady: boolean },
): Manifest {
  return k8s.KubeService.manifest({
    metadata: ownedMetadata(input, names.of(input.name, component), component),
    spec: {
      type: 'ClusterIP',
      clusterIp: 'None',
      ...(publishNotReady && { publishNotReadyAddresses: true }),
      selector: selectorOf(input.name, component),
      ports: ports.map(byName),
    },
  });
}

function byName({ name, port }: NamedPort): k8s.ServicePort {
  return { name, port, protocol: 'TCP', targetPort: k8s.IntOrString.fromString(name) };
}
