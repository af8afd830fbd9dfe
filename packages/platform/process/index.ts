export { openKafkaSecurity } from './kafka-security.ts';
export * from './process-config.ts';
export * from './run-service.ts';
export { isExplained, isUnreachable } from './start-errors.ts';
