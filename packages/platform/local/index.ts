export * from './local-platform.ts';
