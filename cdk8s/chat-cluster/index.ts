export { type CompleteSpec, completeSpec, type WrittenSpec } from './complete-spec.ts';
export { CHAT_CLUSTER, renderCustomResource } from './custom-resource.ts';
export { ChatClusterSpec } from './spec.ts';
export { ChatClusterStatus } from './status.ts';
