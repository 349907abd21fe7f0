// `npm run simulate -- --seeds N --seed S`: builds the simulation, and runs N worlds from seed S on. See docs/simulation.md.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './pnpm.mjs';

function node(...command) {
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

node(join('node_modules', 'typescript', 'bin', 'tsc'), '--build', join('checks', 'simulation', 'tsconfig.esm.json'));
node(join('checks', 'simulation', 'dist', 'esm', 'main.js'), ...process.argv.slice(2));
