// `npm run mutants -- [part of a name …] [--unmutated]`: runs, for each mutant, the tests that must find it. See docs/mutants.md.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { root } from './pnpm.mjs';

function node(...command) {
  const env = { ...process.env, [etcdVariable]: formatEtcds(etcds) };
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
}

const etcds = await ensureEtcd();
node(join('node_modules', 'typescript', 'bin', 'tsc'), '--build', join('checks', 'mutation', 'tsconfig.esm.json'));
node(join('checks', 'mutation', 'dist', 'esm', 'main.js'), ...process.argv.slice(2));
