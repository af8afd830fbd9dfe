export * from './close-codes.ts';
export * from './frames.ts';
