import { stringify } from 'yaml';
import { renderCustomResource } from '../chat-cluster/index.ts';
import { renderDashboard } from '../dashboards/index.ts';
import { defaultOptions, renderInstallation, renderKedaRights } from '../installation/index.ts';
import { GENERATED, renderChartFiles } from './chart-files.ts';
import { SAMPLES } from './samples.ts';
import { toYaml } from './to-yaml.ts';

/** Folders whose YAML files, those in folders within not counted, are all made here. */
export const GENERATED_FOLDERS = ['k8s', 'charts/starling-operator/templates'];

/** Every file that is made of the code, by its path from the root of the project. The same version gives the same text. */
export function renderFiles(version: string): Record<string, string> {
  const options = defaultOptions(version);
  return {
    'k8s/crd.yaml': GENERATED + toYaml([renderCustomResource()]),
    'k8s/operator.yaml': GENERATED + toYaml(renderInstallation(options)),
    'k8s/operator-without-metrics-api.yaml': GENERATED + toYaml(renderInstallation({ ...options, metricsApi: false })),
    'k8s/operator-keda.yaml': GENERATED + toYaml(renderKedaRights(options)),
    ...Object.fromEntries(
      SAMPLES.map(({ name, comment, manifest }) => [
        `k8s/samples/${name}.yaml`,
        `${comment.replaceAll(/^/gm, '# ')}\n${stringify(manifest)}`,
      ]),
    ),
    'k8s/dashboards/starling.json': `${JSON.stringify(renderDashboard(), undefined, 2)}\n`,
    ...Object.fromEntries(Object.entries(renderChartFiles(version)).map(([path, text]) => [`charts/starling-operator/${path}`, text])),
  };
}
