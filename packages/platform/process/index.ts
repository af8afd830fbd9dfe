export * from './process-config.ts';
export * from './run-service.ts';
