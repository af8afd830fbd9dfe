import { rm } from 'node:fs/promises';
import { runTool } from './run-tool.ts';
import { makeSeededTree } from './seeded-tree.ts';
import { findBrokenSeeds, type Reading, type Tool } from './tool.ts';

/**
 * Proves on a seeded tree that the tool reports what it must, with the configuration and command that the tree gets, then runs it on the tree.
 * A tool that fails its proof is not run on the tree: its silence there would say nothing.
 */
export async function checkTool(tool: Tool, root: string): Promise<Reading> {
  const folder = await makeSeededTree(root, tool.settings, tool.seeds);
  try {
    const { report, failed } = await runTool(tool, root, folder);
    const broken = findBrokenSeeds(tool.seeds, report);
    if (!failed) broken.push('succeeds on a tree of seeded violations');
    if (broken.length > 0) {
      const sentences = broken.map((sentence) => `${tool.name} ${sentence}.`).join('\n');
      return { failed: true, report: `${sentences}\nIts whole report on the seeded tree:\n${report}` };
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return await runTool(tool, root, root);
}
