import type { ConnectRouter } from '@connectrpc/connect';
import { UserService } from '@starling/contracts/rpc';
import { isUuid } from '@starling/contracts/schema';
import type pg from 'pg';
import { selectExisting } from '../store/profiles.ts';

export function userRpc(router: ConnectRouter, options: { db: pg.Pool }): void {
  router.service(UserService, {
    async findUsers({ users }) {
      return { users: await selectExisting(options.db, users.filter(isUuid)) };
    },
  });
}
