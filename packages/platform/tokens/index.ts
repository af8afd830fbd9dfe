export * from './gate.ts';
export * from './keys.ts';
export * from './minter.ts';
