import { calleesOf, SERVICE_NAMES, SERVICES, type ServiceDescription, type ServiceName } from '@starling/contracts/services';

/** The services of an installation, and who calls whom: all that manifests follow from beside the spec. */
export interface Catalogue {
  names: readonly string[];
  describe(service: string): ServiceDescription;
  calleesOf(service: string): { callee: string; http: boolean; rpc: boolean }[];
}

/** As the contracts say. A test puts a service more into it. */
export const CATALOGUE: Catalogue = {
  names: SERVICE_NAMES,
  describe: (service) => SERVICES[service as ServiceName],
  calleesOf: (service) => calleesOf(service as ServiceName),
};
