export * from './caller.ts';
export * from './errors.ts';
export * from './lazy.ts';
export * from './local.ts';
export * from './network.ts';
