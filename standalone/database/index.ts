export { attachDatabase } from './attach-database.ts';
export { type DataDirectory, ensureSecret, openDataDirectory } from './data-directory.ts';
export type { Database } from './database.ts';
export { reachDatabase } from './reach-database.ts';
export { startDatabase } from './start-database.ts';
export { StartError } from './start-error.ts';
