// The packages as their users get them: packed by npm, and installed by npm into a project of its own.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './pnpm.mjs';

const run = promisify(execFile);

export const manifest = (folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));

/** Packs every package of the workspace that isn't private, as its users can: with `npm pack` in its folder. Name → tarball. */
export function packAll(target) {
  const folders = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
  const packed = folders.filter((folder) => manifest(folder).private !== true);
  mkdirSync(target, { recursive: true });
  return new Map(
    packed.map((folder) => {
      // They are built already: the script before packing would build them again, one after the other.
      const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', target];
      const name = execFileSync('npm', args, { cwd: join(root, folder), encoding: 'utf8' }).trim();
      return [manifest(folder).name, join(target, name)];
    }),
  );
}

/** Makes a folder a project with the tarballs installed, and with the tools in this workspace's versions. */
export async function installPacked(folder, tarballs, tools = []) {
  const dependencies = Object.fromEntries([
    ...[...tarballs].map(([name, tarball]) => [name, `file:${tarball}`]),
    ...tools.map((name) => [name, manifest(join('node_modules', name)).version]),
  ]);
  const project = { name: 'consumer', version: '1.0.0', private: true, dependencies };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(project, null, 2));
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
}
