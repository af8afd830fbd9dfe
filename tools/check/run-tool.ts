import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Reading, Tool } from './tool.ts';

/** Runs the tool installed at `root` on the tree in `folder`. Rejects only if the process cannot be started. */
export async function runTool(tool: Tool, root: string, folder: string): Promise<Reading> {
  const [name, ...options] = tool.command(folder);
  const { printed, code } = await run(process.execPath, [join(root, 'node_modules/.bin', name), ...options], folder);
  return tool.read?.(printed, code, folder) ?? { report: printed.trim(), failed: code !== 0 };
}

function run(command: string, options: string[], folder: string): Promise<{ printed: string; code: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, options, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
    child.on('error', reject);
    // Warnings of a run that succeeds are not part of the answer, and would break one that is parsed.
    child.on('close', (code) => resolve({ printed: code === 0 ? output : output + errors, code: code ?? 1 }));
  });
}
