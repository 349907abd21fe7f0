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

/** The environment variable by which steps of one run share their tarballs: the folder where the first of them packs. */
export const tarballsVariable = 'HOLDFAST_TARBALLS';

/** The tarballs of all published packages: those that an earlier step of this run packed, or else packed into this folder. Name → tarball. */
export function packedPackages(target) {
  const folder = process.env[tarballsVariable] ?? target;
  const tarballs = tarballsIn(folder);
  return [...tarballs.values()].every(existsSync) ? tarballs : packAll(folder);
}

/**
 * Packs every package of the workspace that isn't private, as its users can: with `npm pack`. One npm packs all of them, of copies with the
 * repository's address: other checks read the packages' own folders meanwhile. Name → tarball.
 */
export function packAll(target) {
  const copies = mkdtempSync(join(tmpdir(), 'holdfast-pack-'));
  try {
    mkdirSync(target, { recursive: true });
    const folders = publishedFolders().map((folder) => copyOf(folder, copies));
    // They are built already: the script before packing would build them again, one after the other.
    const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', target, ...folders];
    execFileSync('npm', args, { cwd: copies, encoding: 'utf8' });
    return tarballsIn(target);
  } finally {
    rmSync(copies, { recursive: true, force: true });
  }
}

function publishedFolders() {
  const folders = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
  return folders.filter((folder) => manifest(folder).private !== true);
}

/** `@holdfast/core` → `holdfast-core-0.1.0.tgz` in the folder. */
function tarballsIn(folder) {
  const manifests = publishedFolders().map((each) => manifest(each));
  const fileOf = ({ name, version }) => `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
  return new Map(manifests.map((each) => [each.name, join(folder, fileOf(each))]));
}

/** Copies what is packed of a package into a folder below this one. Returns it as npm takes it: `./core`. */
function copyOf(folder, below) {
  const copy = join(below, basename(folder));
  mkdirSync(copy);
  for (const name of ['dist', 'src', 'LICENSE']) {
    if (existsSync(join(root, folder, name))) cpSync(join(root, folder, name), join(copy, name), { recursive: true });
  }
  writeAddressed(folder, copy);
  return `./${basename(folder)}`;
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

/** The version that this workspace has of a tool, as a dependency that may stand under another name, such as `typescript-7`. */
function installedRange(name) {
  const installed = manifest(join('node_modules', name));
  return installed.name === name ? installed.version : `npm:${installed.name}@${installed.version}`;
}

/** Makes a folder a project with the tarballs installed, and with the tools in this workspace's versions. */
export async function installPacked(folder, tarballs, tools = []) {
  const dependencies = Object.fromEntries([
    ...[...tarballs].map(([name, tarball]) => [name, `file:${tarball}`]),
    ...tools.map((name) => [name, installedRange(name)]),
  ]);
  const project = { name: 'consumer', version: '1.0.0', private: true, dependencies };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(project, null, 2));
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
}
