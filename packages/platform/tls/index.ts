export * from './certificate-fault.ts';
export * from './read-authority.ts';
