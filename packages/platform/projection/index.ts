export * from './projection.ts';
export { findForeign, PROJECTION_MIGRATIONS, selectNextOffsets } from './store.ts';
