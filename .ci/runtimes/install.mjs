// Installs the runtimes that .ci/runtimes.json names. Each is a package with a binary in it, and is kept in .cache/runtimes.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../pnpm.mjs';

const run = promisify(execFile);
const cache = join(root, '.cache', 'runtimes');
const pinned = JSON.parse(readFileSync(join(root, '.ci', 'runtimes.json'), 'utf8'));

/**
 * The runtimes whose names begin with one of these words, as `{ name, version, command }`. The Node that runs this script is used for its
 * own release line.
 */
export async function ensureRuntimes(words) {
  const wanted = pinned.filter(({ name }) => words.some((word) => name.toLowerCase().startsWith(word.toLowerCase())));
  const here = wanted.filter((runtime) => isThisNode(runtime) || canRun);
  const missing = wanted.filter((runtime) => !here.includes(runtime)).map(({ name }) => name);
  if (missing.length > 0) console.log(`left out: ${missing.join(', ')}, whose packages are for Linux on x64`);
  return Promise.all(here.map(ensure));
}

const canRun = process.platform === 'linux' && process.arch === 'x64';
const isThisNode = ({ name }) => name === `Node ${process.versions.node.split('.')[0]}`;

async function ensure(runtime) {
  const { name, version, binary, args } = runtime;
  if (isThisNode(runtime)) return { name, version: process.versions.node, command: [process.execPath] };
  const folder = join(cache, `${runtime.package.replace('/', '-')}-${version}`);
  if (!existsSync(folder)) await install(runtime, folder);
  return { name, version, command: [join(folder, 'node_modules', runtime.package, binary), ...args] };
}

async function install(runtime, folder) {
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}-`);
  try {
    writeFileSync(join(work, 'package.json'), '{ "private": true }');
    const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--no-save', '--ignore-scripts', '--loglevel=error'];
    await run('npm', ['install', ...flags, `${runtime.package}@${runtime.version}`], { cwd: work });
    if (!existsSync(folder)) renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
