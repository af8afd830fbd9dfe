import { SERVICE_NAMES } from '@starling/contracts/services';
import { HOP_HEADER } from '@starling/platform/http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listCalls, tryCall } from './calls.ts';
import { CALLS, FRAMES, ROUTES } from './expected.ts';
import { listFrames, tryFrame } from './frames.ts';
import { findDifferences, operationsOf, readGrid } from './read-grid.ts';
import { tryRoute } from './routes.ts';
import { openWorld, type World } from './world.ts';

const PEOPLE = ['nobody', 'outsider', 'guest', 'member', 'owner', 'removed', 'disabled', 'bot', 'admin', 'root'];

/** Hundreds of cells, and a password hashed for many: seconds, and more on a busy machine. */
const MATRIX_MS = 90_000;

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.stop());

describe('the routes', () => {
  const grid = readGrid(ROUTES);

  it('are all in the grid, for everybody, and no others', () => {
    expect(grid.columns).toEqual(PEOPLE);
    expect(operationsOf(grid)).toEqual(world.publicRoutes);
  });

  it(
    'let everybody do what the grid says',
    async () => {
      expect(await findDifferences(grid, (line, column) => tryRoute(world, line, world.actor(column)))).toEqual([]);
    },
    MATRIX_MS,
  );

  it('of the services behind web answer nobody who comes without a user, also no service', async () => {
    const answered: string[] = [];
    for (const { service, route } of world.innerRoutes) {
      const [method = '', path = ''] = route.split(' ');
      for (const caller of [undefined, ...SERVICE_NAMES]) {
        const headers = caller && { [HOP_HEADER]: await world.local.platform(caller).minter.mintHopToken(service) };
        const { statusCode } = await world.local.http(service).inject({ method: method as 'GET', url: path, ...(headers && { headers }) });
        if (statusCode !== 401) answered.push(`${route}, by ${caller}: ${statusCode}`);
      }
    }
    expect(world.innerRoutes.length).toBeGreaterThan(0);
    expect(answered).toEqual([]);
  });
});

describe('the calls between services', () => {
  const grid = readGrid(CALLS);

  it('are all in the grid, for everybody and every service, and no others', () => {
    expect(grid.columns).toEqual([...PEOPLE, ...SERVICE_NAMES]);
    expect(operationsOf(grid)).toEqual(listCalls());
  });

  it(
    'let everybody do what the grid says',
    async () => {
      expect(await findDifferences(grid, (line, column) => tryCall(world, line, column))).toEqual([]);
    },
    MATRIX_MS,
  );
});

describe('the frames of a socket', () => {
  const grid = readGrid(FRAMES);

  it('are all in the grid, for everybody, and no others', () => {
    expect(grid.columns).toEqual(PEOPLE);
    expect(operationsOf(grid)).toEqual(listFrames());
  });

  it('let everybody do what the grid says', async () => {
    expect(await findDifferences(grid, (line, column) => tryFrame(world, line, world.actor(column)))).toEqual([]);
  });
});
