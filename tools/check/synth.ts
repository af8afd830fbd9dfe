import type { Tool } from './tool.ts';

/** What is made of the code and committed (manifests, chart, dashboard) is what the code makes. */
export const synth: Tool = {
  name: 'synth',
  settings: [],
  command: () => ['../../cdk8s/synth/main.ts', '--check'],
  seeds: [
    { file: 'k8s/crd.yaml', text: 'kind: CustomResourceDefinition\n', reported: ['is out of date'] },
    { file: 'k8s/of-an-earlier-time.yaml', text: 'kind: Secret\n', reported: ['is not made by anything'] },
    { file: 'k8s/samples/written-by-hand.yaml', text: 'kind: ChatCluster\n', allowed: ['is'] },
  ],
};
