import { parseArgs } from 'node:util';

export interface MetricsApiOptions {
  /** Undefined: with the service account of this pod. */
  kubeconfig: string | undefined;
  /** In which this runs, and its Lease lies. */
  namespace: string;
  host: string;
  port: number;
  sidePort: number;
  /** Files, PEM. */
  certificate: string;
  key: string;
  /** Undefined: all. */
  watchNamespaces: string[] | undefined;
}

const USAGE = `node operator/metrics-api/main.ts --namespace NAME --certificate FILE --key FILE
  [--kubeconfig FILE] [--watch-namespaces A,B] [--host ADDRESS] [--port NUMBER] [--side-port NUMBER]`;

/** @throws Error, one sentence: which flag is wrong, and what to do. */
export function readOptions(args: string[]): MetricsApiOptions {
  const { values } = parseArgs({
    args,
    options: {
      kubeconfig: { type: 'string' },
      namespace: { type: 'string' },
      host: { type: 'string', default: '0.0.0.0' },
      port: { type: 'string', default: '8443' },
      'side-port': { type: 'string', default: '9090' },
      certificate: { type: 'string' },
      key: { type: 'string' },
      'watch-namespaces': { type: 'string' },
    },
  });
  const required = (flag: 'namespace' | 'certificate' | 'key'): string => {
    const value = values[flag];
    if (!value) throw new Error(`--${flag} is missing: ${USAGE}`);
    return value;
  };
  const watched = values['watch-namespaces']?.split(',').filter((name) => name !== '');
  return {
    kubeconfig: values.kubeconfig,
    namespace: required('namespace'),
    host: values.host,
    port: readPort('port', values.port),
    sidePort: readPort('side-port', values['side-port']),
    certificate: required('certificate'),
    key: required('key'),
    watchNamespaces: watched?.length ? watched : undefined,
  };
}

function readPort(flag: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65_535)) throw new Error(`--${flag} must be a port (0 to 65535), not "${text}"`);
  return port;
}
