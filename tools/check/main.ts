import { join } from 'node:path';
import { biome } from './biome.ts';
import { checkTool } from './check-tool.ts';
import { dependencyCruiser } from './dependency-cruiser.ts';
import { knip } from './knip.ts';
import { synth } from './synth.ts';
import type { Tool } from './tool.ts';
import { typescript } from './typescript.ts';

const root = join(import.meta.dirname, '../..');
const started = performance.now();

async function checkAndPrint(tool: Tool): Promise<boolean> {
  const start = performance.now();
  const { report, failed } = await checkTool(tool, root);
  console.log(`${failed ? 'FAILED' : 'ok    '}  ${tool.name.padEnd(18)}  ${seconds(start)}`);
  if (failed) console.log(`\n${report}\n`);
  return !failed;
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

const results = await Promise.all([dependencyCruiser, knip, biome, typescript, synth].map(checkAndPrint));
const failures = results.filter((passed) => !passed).length;
console.log(failures === 0 ? `All checks passed in ${seconds(started)}.` : `${failures} of ${results.length} checks failed.`);
process.exitCode = failures === 0 ? 0 : 1;
