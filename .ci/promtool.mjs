// Prints the path of promtool, Prometheus's own checker of rules: from PATH, or from .cache/promtool, which is filled from Debian's package
// `prometheus` if it is empty. Prints nothing, and says why on stderr, where it can't be had.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './pnpm.mjs';

const run = promisify(execFile);
const cache = join(root, '.cache', 'promtool');
const cached = join(cache, 'usr', 'bin', 'promtool');

/** Whether there is a promtool that runs on this machine. */
async function works(path) {
  return run(path, ['--version']).then(
    () => true,
    () => false,
  );
}

/** Unpacks the package, without installing it. In a folder of its own first, so that no other run sees half of it. */
async function fetch() {
  const work = `${cache}.work-${process.pid}`;
  mkdirSync(work, { recursive: true });
  try {
    const download = () =>
      run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', 'prometheus'], { cwd: work });
    // A machine that is new has no list of packages yet.
    await download().catch(() => run('apt-get', ['-qq', 'update']).then(download));
    const deb = readdirSync(work).find((name) => name.endsWith('.deb'));
    await run('dpkg', ['-x', deb, 'root'], { cwd: work });
    rmSync(cache, { recursive: true, force: true });
    renameSync(join(work, 'root'), cache);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

try {
  if (await works('promtool')) console.log('promtool');
  else {
    if (!existsSync(cached) || !(await works(cached))) await fetch();
    console.log(cached);
  }
} catch (error) {
  console.error(`no promtool: ${error.message}; install Debian's package prometheus`);
}
