type Labels = Record<string, string>;

export const GROUP = 'starling.chat';

/** On every object of an installation: how the operator finds all of them. */
export const CLUSTER_LABEL = `${GROUP}/cluster`;

/** On what outlives the ChatCluster: volumes and the secret from which all passwords derive. */
export const DATA_LABEL = `${GROUP}/data`;

/** On a namespace whose pods may read the metrics of the services. */
export const MONITORING_LABEL = `${GROUP}/monitoring`;

/** Of the pods of the metrics API, in the operator's namespace. */
export const METRICS_API_LABELS: Labels = { 'app.kubernetes.io/name': 'starling', 'app.kubernetes.io/component': 'metrics-api' };

/** What selects the pods of one component. A Deployment's cannot be changed, so nothing that an upgrade changes is in it. */
export function selectorOf(cluster: string, component: string): Labels {
  return { ...instanceSelector(cluster), 'app.kubernetes.io/component': component };
}

/** What selects every pod of an installation. */
export function instanceSelector(cluster: string): Labels {
  return { 'app.kubernetes.io/name': 'starling', 'app.kubernetes.io/instance': cluster };
}

/** Of every object and pod. `component` is absent where an object belongs to all. */
export function labelsOf(cluster: string, component?: string): Labels {
  return {
    ...instanceSelector(cluster),
    ...(component === undefined ? {} : { 'app.kubernetes.io/component': component }),
    'app.kubernetes.io/managed-by': 'starling-operator',
    [CLUSTER_LABEL]: cluster,
  };
}

/** Of what is kept when the ChatCluster is deleted. */
export function dataLabelsOf(cluster: string, component?: string): Labels {
  return { ...labelsOf(cluster, component), [DATA_LABEL]: 'true' };
}
