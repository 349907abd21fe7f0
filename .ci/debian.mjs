// Makes programs of Debian available to the tests: unpacked into .cache, and not installed.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { allVariable } from './etcd.mjs';
import { root } from './pnpm.mjs';

const run = promisify(execFile);

/** Whether a program is there and runs. */
export async function runs(program, args = ['--version'], env = process.env) {
  return run(program, args, { env }).then(
    () => true,
    () => false,
  );
}

/**
 * Unpacks packages into a folder, from the mirror that this machine's apt uses. In another folder first, so that no other run sees half of it.
 *
 * @param complete gets the unpacked folder. It adds what is missing, and says whether the program runs
 */
export async function unpackDebian(packages, folder, complete) {
  const work = `${folder}.work-${process.pid}`;
  const unpacked = join(work, 'root');
  try {
    mkdirSync(work, { recursive: true });
    const download = () =>
      run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', ...packages], { cwd: work });
    // A machine that is new has no list of packages yet.
    await download().catch(() => run('apt-get', ['-qq', 'update']).then(download));
    for (const deb of readdirSync(work).filter((name) => name.endsWith('.deb')))
      await run('dpkg', ['-x', deb, 'root'], { cwd: work });
    if (!(await complete(unpacked))) throw new Error('it does not run here');
    rmSync(folder, { recursive: true, force: true });
    renameSync(unpacked, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Puts a program on the path of this process and of those that it starts: the system's, or Debian's, unpacked into .cache. Without it, tells
 * so; with HOLDFAST_ALL_ETCDS set, throws.
 *
 * @param args with which the program shows that it is whole
 * @param complete makes the script that starts it, under its name, in the unpacked folder
 */
export async function provideOnPath({ program, args, packages, complete, tests }, tell) {
  if (process.platform !== 'linux') return;
  const folder = join(root, '.cache', program);
  const isIn = (path) => runs(join(path, program), args);
  try {
    if (await runs(program, args)) return;
    if (!(await isIn(folder))) {
      await unpackDebian(packages, folder, (unpacked) => {
        complete(unpacked);
        return isIn(unpacked);
      });
    }
    process.env.PATH = `${folder}${delimiter}${process.env.PATH}`;
  } catch (error) {
    leaveOut(tests, program, error, tell);
  }
}

/** Tells that tests are left out, since a program could not be had; with HOLDFAST_ALL_ETCDS set, throws. */
export function leaveOut(tests, program, error, tell = console.error) {
  const reason = `${program} could not be unpacked from Debian's packages (${String(error.stderr || error.message).trim()})`;
  if (process.env[allVariable] !== undefined && process.env[allVariable] !== '')
    throw new Error(reason, { cause: error });
  tell(`left out: ${tests}: ${reason}`);
}
