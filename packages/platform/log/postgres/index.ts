export * from './administration.ts';
export * from './driver.ts';
export * from './statements.ts';
