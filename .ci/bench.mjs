// `npm run bench`: builds what is measured, and measures it. See bench/src/main.ts for the options.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { benchEtcds, ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { root } from './pnpm.mjs';

const args = process.argv.slice(2);

function node(...command) {
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

process.env[etcdVariable] ??= args.includes('--etcd') ? '' : formatEtcds(await ensureEtcd(benchEtcds));
node(join('.ci', 'build.mjs'));
node(join('node_modules', 'typescript', 'bin', 'tsc'), '--build', join('bench', 'tsconfig.esm.json'));
node(join('bench', 'dist', 'main.js'), ...args);
