import { runService } from '@starling/platform/process';
import { createDelivery } from './app.ts';
import { DeliveryConfig } from './config.ts';

await runService({ name: 'delivery', config: DeliveryConfig, create: createDelivery });
