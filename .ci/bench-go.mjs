// The Go program of the benchmarks (bench/go): clients of etcd's own Go client, which are a peer of Holdfast's.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './etcd/cache.mjs';
import { canBuild, goEnvironment, goVersion, oldestGo } from './etcd/from-go.mjs';
import { root } from './pnpm.mjs';

/** The environment variable that tells the benchmarks where the program is. */
export const goProgramVariable = 'HOLDFAST_BENCH_GO';

/** The path of the program, which Go builds anew if its sources changed. Where it can't: `undefined`, and one line about it. */
export async function ensureGoProgram(tell = console.error) {
  const go = await goVersion();
  if (!canBuild(go)) {
    tell(`left out: Go's clientv3, which needs Go ${oldestGo} or newer on PATH (found: ${go ?? 'none'})`);
    return undefined;
  }
  const folder = join(root, '.cache', 'bench');
  mkdirSync(folder, { recursive: true });
  const program = join(folder, 'fleet-go');
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-o', program];
  try {
    await run('go', ['build', ...flags, '.'], { cwd: join(root, 'bench', 'go'), env: goEnvironment });
  } catch (error) {
    tell(`left out: Go's clientv3, which could not be built (${String(error.stderr || error.message).trim()})`);
    return undefined;
  }
  return program;
}
