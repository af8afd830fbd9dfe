export { checkAdministrator, ensureBrokerUsers } from './broker-users.ts';
export type { KafkaConnection } from './client.ts';
export * from './driver.ts';
export { LogConnectionError, LogTopicsError } from './errors.ts';
export { checkBrokers, createTopics } from './topics.ts';
