// Builds what is published: modules for `import`, and the same for `require`, both with their types.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(join(here, 'dist'), { recursive: true, force: true });
const built = ['esm', 'cjs'].map(async (format) => {
  const [status] = await once(spawn(process.execPath, [tsc, '--project', join(here, `tsconfig.${format}.json`)], { stdio: 'inherit' }), 'close');
  if (status) throw new Error(`the types of ${format} are wrong`);
  mkdirSync(join(here, 'dist', format), { recursive: true });
  const type = format === 'esm' ? 'module' : 'commonjs';
  writeFileSync(join(here, 'dist', format, 'package.json'), `${JSON.stringify({ type, sideEffects: false })}\n`);
});
await Promise.all(built);
