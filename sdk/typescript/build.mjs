// Builds what is published: modules for `import`, and the same for `require`, both with their types.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(join(here, 'dist'), { recursive: true, force: true });
for (const [format, project] of [['esm', 'tsconfig.esm.json'], ['cjs', 'tsconfig.cjs.json']]) {
  execFileSync(process.execPath, [tsc, '--project', join(here, project)], { stdio: 'inherit' });
  mkdirSync(join(here, 'dist', format), { recursive: true });
  const type = format === 'esm' ? 'module' : 'commonjs';
  writeFileSync(join(here, 'dist', format, 'package.json'), `${JSON.stringify({ type, sideEffects: false })}\n`);
}
