// Runs the programs that measure and check the packages as a whole: `bench` and those in `checks/`.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './pnpm.mjs';

/** Runs a program of Node's in the workspace's root. If it fails, this process ends with the same exit code. */
export function node(...command) {
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Compiles what a `tsconfig` names, and the packages that it refers to. */
export function compile(tsconfig) {
  node(join('node_modules', 'typescript-7', 'bin', 'tsc'), '--build', tsconfig);
}

/** Compiles `checks/NAME`, and runs it with this process's arguments. */
export function runCheck(name) {
  const folder = join('checks', name);
  compile(join(folder, 'tsconfig.esm.json'));
  node(join(folder, 'dist', 'esm', 'main.js'), ...process.argv.slice(2));
}
