// Makes node_modules match pnpm-lock.yaml. A stamp in node_modules makes this a few milliseconds when nothing has changed.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pinnedPnpm, root, watchPnpm } from './pnpm.mjs';

const stampFile = join(root, 'node_modules', '.holdfast-bootstrap');

/** What an installation depends on: the lockfile, the settings, every manifest, and the Node that it was made with. */
function wanted() {
  const folders = ['packages', 'checks', 'examples'].flatMap((room) =>
    readdirSync(join(root, room)).map((name) => join(room, name)),
  );
  const manifests = folders.map((folder) => join(folder, 'package.json'));
  const hash = createHash('sha256').update(`${process.version} ${process.platform} ${process.arch}`);
  const shared = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'bench/package.json'];
  for (const file of [...shared, ...manifests.sort()]) {
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

console.log(
  `Installing the development dependencies with ${pinnedPnpm}: seconds where npm has them, minutes where it fetches them.`,
);
try {
  await watchPnpm(['install', '--frozen-lockfile', '--reporter=append-only'], showProgress());
} catch (error) {
  console.error(`bootstrap: ${error.message}`);
  process.exit(1);
}
writeFileSync(stampFile, stamp);

/** Prints how far pnpm is, at most every three seconds: a person who waits wants to know that something happens. */
function showProgress() {
  let saidAt = 0;
  return (line) => {
    const [, resolved, downloaded, added] =
      /^Progress: resolved (\d+), .*downloaded (\d+), added (\d+)/.exec(line) ?? [];
    if (resolved === undefined || (added === '0' && downloaded === '0')) return;
    const done = line.endsWith('done');
    if (!done && Date.now() - saidAt < 3_000) return;
    saidAt = Date.now();
    console.log(
      `  ${added} of ${resolved} packages installed${downloaded === '0' ? '' : `, ${downloaded} downloaded`}`,
    );
  };
}
