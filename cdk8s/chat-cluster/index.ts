export * from './complete-spec.ts';
export { ChatClusterSpec } from './spec.ts';
