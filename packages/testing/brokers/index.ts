export * from './describe-with-brokers.ts';
export { findLauncher } from './launcher.ts';
export { type Brokers, startBrokers } from './start-brokers.ts';
