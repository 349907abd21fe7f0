// Builds every package that the root tsconfig.json references: ESM to dist/esm, CommonJS to dist/cjs, types for both.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const { status } = spawnSync(process.execPath, [tsc, '--build', root], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

// The packages say `"type": "module"`; this marker makes Node and TypeScript read dist/cjs as CommonJS.
const { references } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
for (const { path } of references) {
  if (path.endsWith('tsconfig.cjs.json')) {
    writeFileSync(join(root, dirname(path), 'dist', 'cjs', 'package.json'), '{ "type": "commonjs" }\n');
  }
}
