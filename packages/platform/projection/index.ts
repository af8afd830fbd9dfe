export * from './projection.ts';
export { PROJECTION_MIGRATIONS, selectNextOffsets } from './store.ts';
