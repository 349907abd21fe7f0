// The packages as their users get them: packed by pnpm, and installed by npm into a project of its own.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pnpm, root } from './pnpm.mjs';

const run = promisify(execFile);

export const manifest = (folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));

/** Packs every package of the workspace that isn't private: name → tarball. */
export function packAll(target) {
  const folders = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
  const packed = folders.filter((folder) => manifest(folder).private !== true);
  mkdirSync(target);
  pnpm([...packed.flatMap((folder) => ['--filter', `./${folder}`]), '-r', 'pack', '--pack-destination', target]);
  return new Map(
    packed.map((folder) => {
      const { name, version } = manifest(folder);
      return [name, join(target, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)];
    }),
  );
}

/** Makes a folder a project with the tarballs installed, and with the tools in this workspace's versions. */
export async function installPacked(folder, tarballs, tools = []) {
  const dependencies = Object.fromEntries([
    ...[...tarballs].map(([name, tarball]) => [name, `file:${tarball}`]),
    ...tools.map((name) => [name, manifest(join('node_modules', name)).version]),
  ]);
  // Without the overrides, npm would look in the registry for the packages' dependencies on each other.
  const overrides = Object.fromEntries([...tarballs.keys()].map((name) => [name, `$${name}`]));
  const project = { name: 'consumer', version: '1.0.0', private: true, dependencies, overrides };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(project, null, 2));
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
}
