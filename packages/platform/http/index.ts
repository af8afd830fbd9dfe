export * from './caller.ts';
export * from './problem-error.ts';
export * from './raw.ts';
export * from './server.ts';
