// Makes node_modules match pnpm-lock.yaml, with the pnpm that package.json pins, fetched through npm where it isn't installed.
// A stamp in node_modules makes this a few milliseconds when nothing has changed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.holdfast-bootstrap');
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What an installation depends on: the lockfile, the settings, every manifest, and the Node that it was made with. */
function wanted() {
  const manifests = readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'package.json'));
  const hash = createHash('sha256').update(`${process.version} ${process.platform} ${process.arch}`);
  for (const file of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests.sort()]) {
    const path = join(root, file);
    if (existsSync(path)) hash.update(`\0${file}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

const [major] = process.versions.node.split('.').map(Number);
if (major < 20) {
  console.error(`Holdfast needs Node 20 or newer; this is ${process.version}.`);
  process.exit(1);
}

const stamp = wanted();
if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) process.exit(0);

console.log(`bootstrap: installing with ${packageManager}`);
const install = ['install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn'];
const { status, error, signal } = spawnSync('npm', ['exec', '--yes', '--', packageManager, ...install], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
  // CI=true: pnpm must never stop to ask whether it may replace a node_modules folder.
  env: { ...process.env, CI: 'true' },
});
if (status !== 0) {
  console.error(
    `bootstrap: \`npm exec ${packageManager} -- install\` failed: ${error?.message ?? signal ?? `exit ${status}`}`,
  );
  process.exit(1);
}
writeFileSync(stampFile, stamp);
