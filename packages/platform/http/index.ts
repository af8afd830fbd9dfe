export * from './caller.ts';
export * from './ingress.ts';
export * from './problem-error.ts';
export * from './raw.ts';
export { createHttpServer } from './server.ts';
