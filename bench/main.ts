import { readRequest, usage } from './arguments.ts';
import { judge, renderTable } from './report.ts';
import { BenchError } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';

try {
  const request = readRequest(process.argv.slice(2), SCENARIOS);
  if (!request) {
    console.log(usage(SCENARIOS));
  } else {
    const { scenario, json, quick, options } = request;
    const figures = await scenario.run({ quick, options, note: (line) => console.error(line) });
    const rows = figures.map((figure) => judge(scenario.name, figure));
    console.log(json ? rows.map((row) => JSON.stringify(row)).join('\n') : renderTable(rows));
  }
} catch (error) {
  console.error(error instanceof BenchError ? `bench: ${error.message}` : error);
  process.exitCode = 1;
}
