export { readKafkaSecurity } from './kafka-security.ts';
export * from './process-config.ts';
export * from './run-service.ts';
export { isExplained } from './start-errors.ts';
