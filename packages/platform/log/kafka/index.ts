export type { KafkaConnection } from './client.ts';
export * from './driver.ts';
export { LogConnectionError, LogTopicsError } from './errors.ts';
export { createTopics, topicName } from './topics.ts';
