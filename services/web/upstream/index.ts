export { createLocalUpstream } from './local.ts';
export { createNetworkUpstream } from './network.ts';
export type { Upstream } from './upstream.ts';
