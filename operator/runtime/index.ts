export * from './controller.ts';
export * from './metrics.ts';
export * from './work-queue.ts';
