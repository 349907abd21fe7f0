// `npm run torture -- --minutes N --seed S …`: builds the fault campaign against real clusters, and runs it. See docs/torture.md.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { campaignEtcds, ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { root } from './pnpm.mjs';

function node(...command) {
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

process.env[etcdVariable] = formatEtcds(await ensureEtcd(campaignEtcds));
node(join('node_modules', 'typescript', 'bin', 'tsc'), '--build', join('checks', 'torture', 'tsconfig.esm.json'));
node(join('checks', 'torture', 'dist', 'esm', 'main.js'), ...process.argv.slice(2));
