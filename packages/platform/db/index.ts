export * from './errors.ts';
export * from './migrate.ts';
export * from './pool.ts';
export * from './roles.ts';
export * from './transaction.ts';
