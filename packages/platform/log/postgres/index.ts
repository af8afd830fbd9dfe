export * from './driver.ts';
export * from './statements.ts';
