export * from './event-log.ts';
export { appendRulesRaised } from './raise-rules.ts';
