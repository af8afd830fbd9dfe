export * from './audit-log.ts';
export { codesOf } from './codes.ts';
export * from './conditions.ts';
export * from './images.ts';
export { CHROMIUM_FLAGS, hostOf } from './ingress.ts';
export * from './install.ts';
export * from './kubectl.ts';
export * from './namespaces.ts';
export { isOwnCluster } from './state-folder.ts';
