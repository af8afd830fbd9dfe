export * from './driver.ts';
export { LogConnectionError, LogTopicsError } from './errors.ts';
export { createTopics } from './topics.ts';
