export { renderAutoscale } from './autoscale.ts';
export { renderIngress } from './ingress.ts';
export * from './input.ts';
export { renderExpand, renderRulesLevel } from './jobs.ts';
export { CLUSTER_LABEL, DATA_LABEL, dataLabelsOf, GROUP, labelsOf, selectorOf } from './labels.ts';
export { ownedMetadata } from './metadata.ts';
export { names } from './names.ts';
export { BUILTIN_DATABASE } from './postgres.ts';
export { desiredVolumes, renderAll, renderBase, renderData, renderNetwork, renderService } from './render.ts';
