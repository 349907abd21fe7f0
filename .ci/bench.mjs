// `npm run bench`: builds what is measured, and measures it. See bench/src/main.ts for the options.
import { join } from 'node:path';
import { benchEtcds, ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { compile, node } from './run-check.mjs';

const args = process.argv.slice(2);

process.env[etcdVariable] ??= args.includes('--etcd') ? '' : formatEtcds(await ensureEtcd(benchEtcds));
node(join('.ci', 'build.mjs'));
compile(join('bench', 'tsconfig.esm.json'));
node(join('bench', 'dist', 'main.js'), ...args);
