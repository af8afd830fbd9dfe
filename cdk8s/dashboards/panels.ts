/** One line of a panel: what is asked of Prometheus, and how the answer is called. */
export interface Query {
  expression: string;
  /** With labels in double braces. */
  legend: string;
}

export interface PanelDescription {
  title: string;
  description: string;
  /** Of Grafana: `short`, `s`, `ops`, `reqps`, `bytes`. */
  unit: string;
  queries: Query[];
}

export interface Row {
  title: string;
  panels: PanelDescription[];
}

/** Of one installation, as chosen on the dashboard. The PodMonitor of the samples gives these labels. */
const HERE = 'namespace=~"$namespace", starling_cluster=~"$cluster"';
const RATE = '[$__rate_interval]';

/** Series of one installation. */
function series(metric: string, more = ''): string {
  return `${metric}{${HERE}${more === '' ? '' : `, ${more}`}}`;
}

/** Per second, summed by labels. */
function perSecond(metric: string, by: string, more = ''): string {
  return `sum by (${by}) (rate(${series(metric, more)}${RATE}))`;
}

/** A quantile of a histogram, taken over what differs in none of these labels. */
function quantile(share: number, metric: string, by: string, more = ''): string {
  const labels = ['le', by].filter((label) => label !== '').join(', ');
  return `histogram_quantile(${share}, sum by (${labels}) (rate(${series(`${metric}_bucket`, more)}${RATE})))`;
}

function halfAndNearlyAll(metric: string): Query[] {
  return [
    { expression: quantile(0.5, metric, ''), legend: 'half within' },
    { expression: quantile(0.99, metric, ''), legend: '99 % within' },
  ];
}

/** What the dashboard shows, from what users feel down to what the operator does. */
export const ROWS: readonly Row[] = [
  {
    title: 'Connections',
    panels: [
      {
        title: 'Connections by pod',
        description: 'Open sockets. After a scale-up the fullest pods send some elsewhere until all hold about the same.',
        unit: 'short',
        queries: [{ expression: `sum by (pod) (${series('starling_connections', 'service="delivery"')})`, legend: '{{pod}}' }],
      },
      {
        title: 'Refused upgrades',
        description:
          'Clients that were told to come back later: a pod is at its cap, drains, or too many came at once. More than 0 for minutes: raise maxReplicas.',
        unit: 'ops',
        queries: [{ expression: perSecond('starling_refused_upgrades_total', 'reason'), legend: '{{reason}}' }],
      },
      {
        title: 'Sockets closed by the server',
        description: 'By the name of the close code. Those of a drain come with rollouts; slow sockets with clients that do not read.',
        unit: 'ops',
        queries: [{ expression: perSecond('starling_socket_drops_total', 'reason'), legend: '{{reason}}' }],
      },
      {
        title: 'Sockets asked to move',
        description: 'Hints to connect anew, by why: a drain, or a rebalance after a scale-up.',
        unit: 'ops',
        queries: [{ expression: perSecond('starling_reconnect_hints_total', 'reason'), legend: '{{reason}}' }],
      },
      {
        title: 'Drains',
        description: 'How long pods take to send their clients elsewhere; beyond drainSeconds sockets are cut.',
        unit: 's',
        queries: [{ expression: quantile(0.99, 'starling_drain_seconds', ''), legend: '99 % within' }],
      },
    ],
  },
  {
    title: 'Messages',
    panels: [
      {
        title: 'Deliveries',
        description: 'Records of the log that pods have handed to their sockets, each counted once per pod.',
        unit: 'ops',
        queries: [{ expression: perSecond('starling_delivery_seconds_count', 'pod'), legend: '{{pod}}' }],
      },
      {
        title: 'Latency of delivery',
        description: "From a record's time in the log to the sockets.",
        unit: 's',
        queries: halfAndNearlyAll('starling_delivery_seconds'),
      },
      {
        title: 'Sends',
        description:
          'Messages that people sent, by outcome. Unknown: the broker did not say in time; the client sends again under the same id.',
        unit: 'ops',
        queries: [{ expression: perSecond('starling_send_seconds_count', 'outcome'), legend: '{{outcome}}' }],
      },
      {
        title: 'Latency of sending',
        description: 'From the arrival at the pod to the acknowledgement, by which every reader will agree.',
        unit: 's',
        queries: halfAndNearlyAll('starling_send_seconds'),
      },
    ],
  },
  {
    title: 'Log',
    panels: [
      {
        title: 'Lag',
        description:
          'Records of the log that a reader has not read yet. Growing: what it feeds is behind, such as history and search, or live chat (reader tail).',
        unit: 'short',
        queries: [
          {
            expression: `sum by (service, reader, topic) (${series('starling_log_lag_records')})`,
            legend: '{{service}} {{reader}}: {{topic}}',
          },
        ],
      },
      {
        title: 'Appends that failed',
        description: 'Refused: certainly not written. Unknown: the broker did not answer.',
        unit: 'ops',
        queries: [
          {
            expression: perSecond('starling_log_append_seconds_count', 'service, topic, outcome', 'outcome!="written"'),
            legend: '{{service}}: {{topic}} {{outcome}}',
          },
        ],
      },
      {
        title: 'Latency of appends',
        description: 'From the call to the answer of the log, 99 % within.',
        unit: 's',
        queries: [{ expression: quantile(0.99, 'starling_log_append_seconds', 'topic'), legend: '{{topic}}' }],
      },
      {
        title: 'Reach of the ring',
        description: 'How far back a pod can replay from memory, least of all. A client that was away for longer gets a snapshot.',
        unit: 's',
        queries: [{ expression: `min by (topic) (${series('starling_ring_seconds')})`, legend: '{{topic}}' }],
      },
    ],
  },
  {
    title: 'Services',
    panels: [
      {
        title: 'HTTP requests',
        description: 'By service.',
        unit: 'reqps',
        queries: [{ expression: perSecond('starling_http_request_seconds_count', 'service'), legend: '{{service}}' }],
      },
      {
        title: 'HTTP requests that failed',
        description: 'Answers of 500 and above, by service and route.',
        unit: 'reqps',
        queries: [
          {
            expression: perSecond('starling_http_request_seconds_count', 'service, route', 'status=~"5.."'),
            legend: '{{service}} {{route}}',
          },
        ],
      },
      {
        title: 'Latency of HTTP requests',
        description: '99 % within.',
        unit: 's',
        queries: [{ expression: quantile(0.99, 'starling_http_request_seconds', 'service'), legend: '{{service}}' }],
      },
      {
        title: 'Calls between services',
        description: 'That did not end well, by method and code.',
        unit: 'reqps',
        queries: [{ expression: perSecond('starling_rpc_seconds_count', 'method, code', 'code!="OK"'), legend: '{{method}} {{code}}' }],
      },
      {
        title: 'Memory',
        description: 'Resident, by pod.',
        unit: 'bytes',
        queries: [{ expression: series('process_resident_memory_bytes'), legend: '{{pod}}' }],
      },
      {
        title: 'CPU',
        description: 'Cores, by pod.',
        unit: 'short',
        queries: [{ expression: perSecond('process_cpu_seconds_total', 'pod'), legend: '{{pod}}' }],
      },
    ],
  },
  {
    title: 'Operator and metrics API, of the whole installation',
    panels: [
      {
        title: 'Reconciles',
        description: 'By result. At rest there are only those of the full resync.',
        unit: 'ops',
        queries: [{ expression: `sum by (result) (rate(starling_operator_reconcile_seconds_count${RATE}))`, legend: '{{result}}' }],
      },
      {
        title: 'Latency of reconciles',
        description: '99 % within.',
        unit: 's',
        queries: [
          {
            expression: `histogram_quantile(0.99, sum by (le) (rate(starling_operator_reconcile_seconds_bucket${RATE})))`,
            legend: '99 % within',
          },
        ],
      },
      {
        title: 'Delivery pods by whether their load is known',
        description: 'As each replica of the metrics API sees them. The autoscaler judges by those that are known.',
        unit: 'short',
        queries: [{ expression: 'max by (load) (starling_metrics_api_pods)', legend: '{{load}}' }],
      },
      {
        title: 'Answers of the metrics API',
        description: 'To the Kubernetes API server, by status.',
        unit: 'ops',
        queries: [{ expression: `sum by (status) (rate(starling_metrics_api_answers_total${RATE}))`, legend: '{{status}}' }],
      },
    ],
  },
];
