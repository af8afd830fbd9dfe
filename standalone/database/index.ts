export { attachDatabase } from './attach-database.ts';
export type { Database } from './database.ts';
export { startDatabase } from './start-database.ts';
export { StartError } from './start-error.ts';
