import type { Tool } from './tool.ts';

export const knip: Tool = {
  name: 'knip',
  settings: ['knip.json'],
  command: () => ['knip', '--no-progress', '--no-config-hints'],
  seeds: [
    { file: 'packages/contracts/log/orphan.ts', text: 'export const one = 1;\n', reported: ['orphan.ts'] },
    { file: 'services/web/browser/orphan.tsx', text: 'export const one = 1;\n', reported: ['orphan.tsx'] },
    { file: 'services/user/orphan.ts', text: 'export const one = 1;\n', reported: ['orphan.ts'] },
    { file: 'tools/orphan.ts', text: 'export const one = 1;\n', reported: ['orphan.ts'] },
    {
      // Behind the exports of its package, where only a search from outside the package finds it dead.
      file: 'packages/contracts/log/index.ts',
      text: 'export const dead = 1;\nexport const alive = 2;\n',
      reported: ['dead'],
      allowed: ['alive'],
    },
    {
      file: 'services/user/app.ts',
      text: 'export const dead = 1;\nexport const alive = 2;\n',
      reported: ['dead'],
      allowed: ['alive'],
    },
    {
      file: 'standalone/main.ts',
      text: "import { alive } from '@starling/contracts/log';\nimport { absent } from 'absent-package';\nimport * as user from '../services/user/app.ts';\n\nconsole.log(alive, user.alive, absent);\n",
      reported: ['absent-package'],
    },
    {
      file: 'packages/client/package.json',
      text: '{ "name": "@starling/client", "type": "module", "dependencies": { "uuid": "14.0.3" } }\n',
      reported: ['uuid'],
    },
    { file: 'packages/contracts/rpc/generated/user_pb.js', text: 'export const generated = 1;\n', allowed: ['generated'] },
  ],
};
