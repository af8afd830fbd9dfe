export * from './check-history.ts';
