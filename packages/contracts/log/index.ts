export * from './claims.ts';
export * from './cursor.ts';
export * from './headers.ts';
export * from './partition.ts';
export * from './position.ts';
export * from './reduce.ts';
export * from './topics.ts';
export * from './window.ts';
