// `npm run bench` and `npm run bench:fleet`: builds what is measured, and measures it. See bench/src/main.ts for the options.
import { join } from 'node:path';
import { ensureGoProgram, goProgramVariable } from './bench-go.mjs';
import { benchEtcds, ensureEtcd, etcdVariable, fleetEtcds, formatEtcds } from './etcd.mjs';
import { providePostgres, testPostgres } from './postgres.mjs';
import { compile, node } from './run-check.mjs';

const args = process.argv.slice(2);
const isFleet = args.includes('--fleet');
/** Whether one of these rows is asked for. */
const wants = (...rows) => !args.includes('--only') || rows.some((row) => args.includes(row));

process.env[etcdVariable] ??= args.includes('--etcd')
  ? ''
  : formatEtcds(await ensureEtcd(isFleet ? fleetEtcds : benchEtcds));
if (!isFleet && wants('store-postgres')) await providePostgres(testPostgres.slice(0, 1));
// The rows with a peer in Go.
if (isFleet || wants('load', 'large', 'latency', 'locks'))
  process.env[goProgramVariable] ??= (await ensureGoProgram()) ?? '';
node(join('.ci', 'build.mjs'));
compile(join('bench', 'tsconfig.esm.json'));
node(join('bench', 'dist', 'main.js'), ...args);
