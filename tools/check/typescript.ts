import type { Tool } from './tool.ts';

export const typescript: Tool = {
  name: 'tsc',
  settings: ['tsconfig.json'],
  command: () => ['tsc', '-p', '.', '--pretty', 'false'],
  seeds: [
    { file: 'packages/contracts/log/type-error.ts', text: "export const count: number = 'one';\n", reported: ['TS2322'] },
    { file: 'packages/contracts/log/enumeration.ts', text: 'export enum Colour {\n  Red,\n}\n', reported: ['TS1294'] },
    {
      file: 'packages/contracts/log/parameter-property.ts',
      text: 'export class Point {\n  constructor(readonly x: number) {}\n}\n',
      reported: ['TS1294'],
    },
    {
      file: 'services/user/unchecked-index.ts',
      text: 'export function first(names: string[]): string {\n  return names[0];\n}\n',
      reported: ['TS2322'],
    },
    {
      file: 'services/user/inexact.ts',
      text: 'export const options: { name?: string } = { name: undefined };\n',
      reported: ['TS2375'],
    },
    { file: 'standalone/unresolved.ts', text: "export * from '@starling/contracts/absent';\n", reported: ['TS2307'] },
    { file: 'services/web/browser/view.tsx', text: 'export const view = <p>{undeclared}</p>;\n', reported: ['TS2304'] },
    { file: 'packages/contracts/log/index.ts', text: "export const topic = 'x';\n", allowed: ['error'] },
    {
      file: 'tests/sound.ts',
      text: "import { topic } from '@starling/contracts/log';\nimport { readFile } from 'node:fs/promises';\n\nexport const text: Promise<string> = readFile(topic, 'utf8');\n",
      allowed: ['error'],
    },
  ],
};
