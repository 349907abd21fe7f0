// Runs the programs that measure and check the packages as a whole: `bench` and those in `checks/`.
import { spawn, spawnSync } from 'node:child_process';
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

/** Compiles `checks/NAME`, and runs it with this process's arguments. The program decides what a signal ends: it may have results to write. */
export function runCheck(name) {
  const folder = join('checks', name);
  compile(join(folder, 'tsconfig.esm.json'));
  const program = join(folder, 'dist', 'esm', 'main.js');
  const child = spawn(process.execPath, [program, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
  // A terminal sends SIGINT to the program too.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.once('exit', (status) => (process.exitCode = status ?? 1));
}
