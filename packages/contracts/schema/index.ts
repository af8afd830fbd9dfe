export * from './formats.ts';
export * from './types.ts';
