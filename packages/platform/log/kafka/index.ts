export { checkAdministrator, ensureBrokerUsers } from './broker-users.ts';
export type { KafkaConnection } from './client.ts';
export * from './driver.ts';
export { LogConnectionError, LogLostError, LogTopicsError } from './errors.ts';
export { brokerPassword, brokerUserOf } from './names.ts';
export { checkBrokers, createTopics, findMissingTopics, type Retention } from './topics.ts';
