// `npm run migrations -- --keys 20000 --kills 20 [--scenario back] [--from v2] [--server 3.5] [--seed 1] [--out FILE]`: migrations whose movers are
// killed, suspended and started twice, on real servers. With `--side-by-side`, etcdctl's make-mirror and replicate() under the same faults instead.
// See docs/migrating-between-stores.md. The test migrations.test.ts is its sample.
import { createRequire } from 'node:module';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';
import { format, resolveConfig } from 'prettier';
import { provideEtcds } from './etcd.mjs';
import { root } from './pnpm.mjs';

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '20000' },
    kills: { type: 'string', default: '20' },
    scenario: { type: 'string', multiple: true },
    from: { type: 'string', multiple: true, default: ['v2', 'v3'] },
    server: { type: 'string', multiple: true, default: ['3.4.23', '3.5'] },
    seed: { type: 'string', default: '1' },
    'side-by-side': { type: 'boolean', default: false },
    fault: { type: 'string', multiple: true },
    out: { type: 'string' },
  },
});
await provideEtcds();
const home = join(root, 'packages', 'cli', 'test', 'support', 'migrations');
const work = mkdtempSync(join(tmpdir(), 'holdfast-migrations-'));
const support = join(work, 'migrations.cjs');
buildSync({
  entryPoints: [join(home, 'index.ts')],
  outfile: support,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: ['esbuild'],
  tsconfig: join(root, '.ci', 'tsconfig.check.json'),
  define: { __dirname: JSON.stringify(home) },
  banner: { js: `require = require('node:module').createRequire(${JSON.stringify(join(root, 'package.json'))});` },
  logLevel: 'error',
});
const { findEtcd, MIRROR_FAULTS, MoverProgram, runFault, runMigration, runSpeed, SCENARIOS } = createRequire(
  import.meta.url,
)(support);
const program = new MoverProgram();
const [keys, kills, seed] = [values.keys, values.kills, values.seed].map(Number);
const given = process.argv.slice(2);
const outAt = given.indexOf('--out');
// Where the results went is no part of what was run.
const command = `npm run migrations -- ${(outAt < 0 ? given : given.toSpliced(outAt, 2)).join(' ')}`.trim();
const results = [];

/** With `--out`, the results of earlier runs stay there, unless this one has the same. */
async function note(result) {
  console.log(JSON.stringify(result));
  results.push(result);
  const { out } = values;
  if (out === undefined) return;
  const before = existsSync(out) ? JSON.parse(readFileSync(out, 'utf8')).results : [];
  const others = before.filter((each) => nameOf(each) !== nameOf(result));
  const all = [...others, { ...result, command }];
  writeFileSync(out, await format(JSON.stringify({ results: all }), { ...(await resolveConfig(out)), filepath: out }));
}

/** What a result is of: runs of the same replace each other. */
function nameOf({ version, from, scenario, fault, contender }) {
  return [version, from, scenario, fault, contender].join(' ');
}

async function migrations(version) {
  const sizes = keys < 2_000 ? { pauseMs: 60, drainMs: 200, ttl: 20 } : { pauseMs: 40, drainMs: 2_000, ttl: 120 };
  for (const from of values.from) {
    for (const scenario of values.scenario ?? SCENARIOS) {
      const options = { ...sizes, keys, kills, seed, from, version, scenario };
      // One that fails as a whole is published too, and the others go on.
      await note(
        await runMigration(options, program).catch((error) => ({
          ...{ from, version, scenario, keys, kills, seed },
          violations: [`it ended: ${error instanceof Error ? error.message : error}`],
        })),
      );
    }
  }
}

async function sideBySide(version) {
  for (const fault of values.fault ?? Object.keys(MIRROR_FAULTS)) {
    for (const row of await runFault(fault, version, program, seed)) await note({ version, ...row });
  }
  for (const row of await runSpeed(version, program, keys)) await note({ version, keys, ...row });
}

try {
  for (const server of values.server) {
    const { version } = findEtcd({ version: server });
    await (values['side-by-side'] ? sideBySide(version) : migrations(version));
  }
} finally {
  program.close();
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = results.every(({ violations = [] }) => violations.length === 0) ? 0 : 1;
