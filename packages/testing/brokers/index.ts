export * from './describe-with-brokers.ts';
export { findLauncher } from './launcher.ts';
export { startBrokers } from './start-brokers.ts';
