import { ApiObject, App, Chart, Yaml } from 'cdk8s';
import type { Manifest } from '../parts/index.ts';

/** The objects as one file for `kubectl apply`, in their order, with fields sorted by name. Fails on two of one name. */
export function toYaml(manifests: Manifest[]): string {
  const chart = new Chart(new App(), 'starling');
  for (const manifest of manifests) {
    const { kind, metadata } = manifest;
    new ApiObject(chart, [kind, metadata.namespace, metadata.name].filter(Boolean).join('-'), manifest);
  }
  return Yaml.stringify(...(chart.toJson() as unknown[]));
}
