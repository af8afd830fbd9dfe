export * from './describe-with-brokers.ts';
export { findLauncher } from './launcher.ts';
export { type BrokerOptions, type Brokers, type SecuredListener, startBrokers } from './start-brokers.ts';
