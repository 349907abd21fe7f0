// The packages as their users get them: packed by npm, and installed by npm into a project of its own.
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { writeAddressed } from './address.mjs';
import { root } from './pnpm.mjs';

const run = promisify(execFile);

export const manifest = (folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));

/** Packs every package of the workspace that isn't private, as its users can: with `npm pack` in its folder. Name → tarball. */
export function packAll(target) {
  const folders = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
  const packed = folders.filter((folder) => manifest(folder).private !== true);
  mkdirSync(target, { recursive: true });
  return new Map(packed.map((folder) => [manifest(folder).name, join(target, pack(folder, target))]));
}

/** Packs a copy, with the repository's address in it: other checks read the package's own folder meanwhile. Returns the tarball's name. */
function pack(folder, target) {
  const copy = mkdtempSync(join(tmpdir(), 'holdfast-pack-'));
  try {
    for (const name of ['dist', 'src', 'LICENSE']) {
      if (existsSync(join(root, folder, name))) cpSync(join(root, folder, name), join(copy, name), { recursive: true });
    }
    writeAddressed(folder, copy);
    // They are built already: the script before packing would build them again, one after the other.
    const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', target];
    return execFileSync('npm', args, { cwd: copy, encoding: 'utf8' }).trim();
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** An empty project beside a clone whose tarballs are packed, as the documentation has it: they are in ../holdfast/tarballs. Returns its folder. */
export function projectBeside(tarballs, folder) {
  const [project, packed] = [join(folder, 'service'), join(folder, 'holdfast', 'tarballs')];
  mkdirSync(packed, { recursive: true });
  for (const tarball of tarballs.values()) cpSync(tarball, join(packed, basename(tarball)));
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true }');
  return project;
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
