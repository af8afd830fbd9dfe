export * from './connect.ts';
export * from './errors.ts';
export * from './explain-connection.ts';
export * from './migrate.ts';
export * from './pool.ts';
export * from './roles.ts';
export * from './transaction.ts';
