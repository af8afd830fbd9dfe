export * from './projection.ts';
export { findForeign, hasProjected, PROJECTION_MIGRATIONS, selectNextOffsets } from './store.ts';
