// `npm run fleet`: builds the simulated fleet, and runs it. With `--against DIR` its mirrors are those of another built checkout. See docs/sizing.md.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { root } from './pnpm.mjs';
import { compile, node } from './run-check.mjs';

const args = process.argv.slice(2);
const folder = join('checks', 'fleet');
const built = join(folder, 'dist', 'esm');

// Ten thousand mirrors take more memory than Node allows by default.
const flags = ['--max-old-space-size=8192', '--max-semi-space-size=128'];
if (args.includes('--measure'))
  process.env[etcdVariable] ??= formatEtcds(await ensureEtcd([{ version: '3.5.16', suite: 'trixie' }]));
const { values } = parseArgs({ args, options: { against: { type: 'string' } }, strict: false });
if (typeof values.against === 'string') {
  const other = resolve(values.against);
  if (!existsSync(join(other, 'packages', 'core', 'dist', 'esm', 'index.js')))
    throw new Error(`${other} is no built checkout of Holdfast: run npm run build there first`);
  process.env.HOLDFAST_FLEET_AGAINST = other;
  flags.push('--import', pathToFileURL(join(root, built, 'against', 'register.js')).href);
}
compile(join(folder, 'tsconfig.esm.json'));
node(...flags, join(built, 'main.js'), ...args);
