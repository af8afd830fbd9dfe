import type { MigrationSet } from '@starling/platform/db';
import { OUTBOX_MIGRATIONS } from '@starling/platform/outbox';
import { PROJECTION_MIGRATIONS } from '@starling/platform/projection';

export const MIGRATIONS: MigrationSet[] = [
  OUTBOX_MIGRATIONS,
  PROJECTION_MIGRATIONS,
  { name: 'conversation', directory: new URL('../migrations', import.meta.url) },
];
