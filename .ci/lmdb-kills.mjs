// `npm run lmdb:kills -- --kills 1000 [--seed 1] [--sync batched] [--on /tmp] [--out FILE]`: kills writers of an lmdb store, many times, on a real
// disk. See docs/backends.md. The test kills.test.ts is its sample.
import { createRequire } from 'node:module';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';
import { root } from './pnpm.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    sync: { type: 'string', default: 'always' },
    on: { type: 'string', default: '/tmp' },
    out: { type: 'string' },
  },
});
const home = join(root, 'packages', 'lmdb');
const work = mkdtempSync(join(values.on, 'holdfast-lmdb-kills-'));
const support = join(work, 'kills.cjs');
buildSync({
  entryPoints: [join(home, 'test', 'support', 'kills.ts')],
  outfile: support,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: ['lmdb', 'esbuild'],
  tsconfig: join(root, '.ci', 'tsconfig.check.json'),
  define: { __dirname: JSON.stringify(join(home, 'test', 'support')) },
  banner: { js: `require = require('node:module').createRequire(${JSON.stringify(join(home, 'package.json'))});` },
  logLevel: 'error',
});
const { runKills } = createRequire(import.meta.url)(support);
const began = Date.now();
const { sync } = values;
const options = { path: join(work, 'data'), kills: Number(values.kills), seed: Number(values.seed), sync };
const result = await runKills({
  ...options,
  onKill: (killed) => {
    if (killed % 100 === 0) console.log(`${killed} kills in ${Math.round((Date.now() - began) / 1_000)} s`);
  },
});
rmSync(work, { recursive: true, force: true });
const command = `npm run lmdb:kills -- ${process.argv.slice(2).join(' ')}`.trim();
const report = { command, seconds: Math.round((Date.now() - began) / 1_000), sync, ...result };
console.log(JSON.stringify(report, null, 1));
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(report, null, 1)}\n`);
process.exitCode = result.violations.length === 0 ? 0 : 1;
