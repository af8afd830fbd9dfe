export * from './metrics.ts';
export * from './side-port.ts';
