export * from './logger.ts';
export * from './record-trace.ts';
export type { SpanLine } from './span-file.ts';
export { SERVICE_ATTRIBUTE } from './span-identity.ts';
export * from './tracing.ts';
