export * from './calls.ts';
export * from './rights.ts';
export * from './roles.ts';
