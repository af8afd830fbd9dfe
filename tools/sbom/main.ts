import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { makeBill } from './make-bill.ts';

const [file, ...others] = process.argv.slice(2);
if (file === undefined || others.length > 0) {
  console.error('name the file to write: npm run sbom -- FILE');
  process.exit(1);
}
const bill = await makeBill(fileURLToPath(new URL('../..', import.meta.url)));
await writeFile(file, `${JSON.stringify(bill, null, 2)}\n`);
console.log(`${file}: ${bill.components.length} components`);
