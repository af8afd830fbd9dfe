export * from './conversations.ts';
export * from './identity.ts';
export * from './users.ts';
