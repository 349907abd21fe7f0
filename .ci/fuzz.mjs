// `npm run fuzz -- --seeds N --from K --server 3.5.30`: builds the differential fuzzer, and runs it. See docs/fuzz.md.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { root } from './pnpm.mjs';

function node(...command) {
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

process.env[etcdVariable] = formatEtcds(await ensureEtcd());
node(join('node_modules', 'typescript', 'bin', 'tsc'), '--build', join('checks', 'fuzz', 'tsconfig.esm.json'));
node(join('checks', 'fuzz', 'dist', 'esm', 'main.js'), ...process.argv.slice(2));
