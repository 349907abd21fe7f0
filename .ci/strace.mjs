// Makes strace available to the tests: the system's, or Debian's package with the library that it needs, from the mirror that this machine's apt
// uses, unpacked into .cache/strace and not installed.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { allVariable } from './etcd.mjs';
import { root } from './pnpm.mjs';

const run = promisify(execFile);
const folder = join(root, '.cache', 'strace');

/** Puts it on the path of this process and of those that it starts. Without it, tells so; with HOLDFAST_ALL_ETCDS set, throws. */
export async function provideStrace(tell = console.error) {
  if (process.platform !== 'linux') return;
  try {
    if (await works('strace')) return;
    if (!(await works(join(folder, 'strace')))) await fetchPackages();
    process.env.PATH = `${folder}${delimiter}${process.env.PATH}`;
  } catch (error) {
    const reason = `strace could not be unpacked from Debian's packages (${String(error.stderr || error.message).trim()})`;
    if (process.env[allVariable] !== undefined && process.env[allVariable] !== '')
      throw new Error(reason, { cause: error });
    tell(`left out: the tests that trace system calls: ${reason}`);
  }
}

async function fetchPackages() {
  const work = `${folder}.work-${process.pid}`;
  try {
    mkdirSync(work, { recursive: true });
    const download = () =>
      run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', 'strace', 'libunwind8'], { cwd: work });
    await download().catch(async () => {
      await run('apt-get', ['-qq', 'update']);
      await download();
    });
    for (const deb of readdirSync(work).filter((name) => name.endsWith('.deb')))
      await run('dpkg', ['-x', deb, 'root'], { cwd: work });
    // The folder moves, so the script finds the program from its own place.
    const script = `#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH=$(echo "$here"/usr/lib/*-linux-gnu) exec "$here/usr/bin/strace" -E LD_LIBRARY_PATH "$@"
`;
    writeFileSync(join(work, 'root', 'strace'), script, { mode: 0o755 });
    if (!(await works(join(work, 'root', 'strace')))) throw new Error('it does not run here');
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(work, 'root'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function works(program) {
  if (program !== 'strace' && !existsSync(program)) return false;
  return run(program, ['--version']).then(
    () => true,
    () => false,
  );
}
