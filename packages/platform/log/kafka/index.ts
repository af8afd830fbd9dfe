export * from './driver.ts';
export { LogConnectionError, LogTopicsError } from './errors.ts';
export { checkBrokers, createTopics } from './topics.ts';
