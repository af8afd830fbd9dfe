import type { Tool } from './tool.ts';

export const biome: Tool = {
  name: 'biome',
  settings: ['biome.json'],
  command: () => ['biome', 'check', '--reporter=concise', '--max-diagnostics=none', '--error-on-warnings', '--diagnostic-level=warn'],
  seeds: [
    { file: 'packages/contracts/log/index.ts', text: 'export async function append(): Promise<void> {}\n', allowed: [' '] },
    {
      file: 'services/user/floating-promise.ts',
      text: "import { append } from '@starling/contracts/log';\n\nexport function run() {\n  append();\n}\n",
      reported: ['lint/nursery/noFloatingPromises'],
    },
    {
      file: 'services/user/floating-promise-of-a-package.ts',
      text: "import { Pool } from 'pg';\n\nexport function run() {\n  new Pool().end();\n}\n",
      reported: ['lint/nursery/noFloatingPromises'],
    },
    {
      file: 'services/user/awaited-promise.ts',
      text: "import { append } from '@starling/contracts/log';\n\nexport async function run() {\n  await append();\n  void append();\n}\n",
      allowed: [' '],
    },
    {
      file: 'services/user/misused-promise.ts',
      text: "import { append } from '@starling/contracts/log';\n\nexport function run() {\n  return append() ? 1 : 2;\n}\n",
      reported: ['lint/nursery/noMisusedPromises'],
    },
    { file: 'services/user/app.ts', text: 'export const port = process.env.PORT;\n', reported: ['lint/style/noProcessEnv'] },
    { file: 'services/user/main.ts', text: 'console.log(process.env.PORT);\n', allowed: [' '] },
    { file: 'packages/platform/config/environment.ts', text: 'export const port = process.env.PORT;\n', allowed: [' '] },
    { file: 'services/user/console.ts', text: "export const log = () => console.log('x');\n", reported: ['lint/suspicious/noConsole'] },
    {
      file: 'services/user/unused-import.ts',
      text: "import { append } from '@starling/contracts/log';\n\nexport const one = 1;\n",
      reported: ['lint/correctness/noUnusedImports'],
    },
    {
      file: 'services/user/unused-variable.ts',
      text: 'export function run() {\n  const one = 1;\n}\n',
      reported: ['lint/correctness/noUnusedVariables'],
    },
    {
      file: 'services/user/type-import.ts',
      text: "import { Pool } from 'pg';\n\nexport type Pools = Pool[];\n",
      reported: ['lint/style/useImportType'],
    },
    { file: 'services/user/any.ts', text: 'export type Anything = any;\n', reported: ['lint/suspicious/noExplicitAny'] },
    { file: 'services/user/enumeration.ts', text: 'export enum Colour {\n  Red = 0,\n}\n', reported: ['lint/style/noEnum'] },
    { file: 'services/user/builtin.ts', text: "export * from 'fs';\n", reported: ['lint/style/useNodejsImportProtocol'] },
    { file: 'services/user/thrown.ts', text: "export function fail() {\n  throw 'x';\n}\n", reported: ['lint/style/useThrowOnlyError'] },
    { file: 'services/user/camelCase.ts', text: 'export const one = 1;\n', reported: ['lint/style/useFilenamingConvention'] },
    { file: 'services/user/unformatted.ts', text: 'export const one = "1"\n', reported: ['format'] },
    {
      file: 'services/user/skipped.test.ts',
      text: "import { test } from 'vitest';\n\ntest.skip('x', () => {});\n",
      reported: ['lint/suspicious/noSkippedTests'],
    },
    {
      file: 'tests/focused.test.ts',
      text: "import { test } from 'vitest';\n\ntest.only('x', () => {});\n",
      reported: ['lint/suspicious/noFocusedTests'],
    },
    {
      file: 'tests/sound.integration.test.ts',
      text: "import { expect, test } from 'vitest';\n\ntest('x', () => {\n  expect(process.env.HOME).toBeDefined();\n});\n",
      allowed: [' '],
    },
    { file: 'packages/contracts/rpc/generated/user_pb.js', text: 'export const any = "x"\n', allowed: [' '] },
  ],
};
