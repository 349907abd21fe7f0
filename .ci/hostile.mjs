// `npm run hostile -- --attacks N --from K --server 3.5.30`: builds the suite of hostile servers, and runs it. See docs/hostile.md.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { root } from './pnpm.mjs';

function node(...command) {
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

process.env[etcdVariable] = formatEtcds(await ensureEtcd());
node(join('node_modules', 'typescript', 'bin', 'tsc'), '--build', join('checks', 'hostile', 'tsconfig.esm.json'));
node(join('checks', 'hostile', 'dist', 'esm', 'main.js'), ...process.argv.slice(2));
