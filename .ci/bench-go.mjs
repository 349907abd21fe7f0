// Programs in Go, on etcd's own Go client: that of the benchmarks (bench/go) is a peer of Holdfast's in fleets and in locks, that of locks
// (checks/locks/go) shares locks with it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './etcd/cache.mjs';
import { canBuild, goEnvironment, goVersion, oldestGo } from './etcd/from-go.mjs';
import { root } from './pnpm.mjs';

/** The environment variable that tells the benchmarks where the program is. */
export const goProgramVariable = 'HOLDFAST_BENCH_GO';

const BENCH = { sources: 'bench/go', name: 'fleet-go' };
export const LOCKS = { sources: 'checks/locks/go', name: 'locks-go' };

/** The path of a program, which Go builds anew if its sources changed. Where it can't: `undefined`, and one line about it. */
export async function ensureGoProgram(tell = console.error, { sources, name } = BENCH) {
  const go = await goVersion();
  if (!canBuild(go)) {
    tell(`left out: Go's clientv3, which needs Go ${oldestGo} or newer on PATH (found: ${go ?? 'none'})`);
    return undefined;
  }
  const folder = join(root, '.cache', 'bench');
  mkdirSync(folder, { recursive: true });
  const program = join(folder, name);
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-o', program];
  try {
    await run('go', ['build', ...flags, '.'], { cwd: join(root, sources), env: goEnvironment });
  } catch (error) {
    tell(`left out: Go's clientv3, which could not be built (${String(error.stderr || error.message).trim()})`);
    return undefined;
  }
  return program;
}
