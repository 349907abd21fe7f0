// Makes strace available to the tests: the system's, or Debian's package with the library that it needs, unpacked into .cache/strace and not
// installed.
import { writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { leaveOut, runs, unpackDebian } from './debian.mjs';
import { root } from './pnpm.mjs';

const folder = join(root, '.cache', 'strace');

// The folder moves, so the script finds the program from its own place.
const SCRIPT = `#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH=$(echo "$here"/usr/lib/*-linux-gnu) exec "$here/usr/bin/strace" -E LD_LIBRARY_PATH "$@"
`;

/** Puts it on the path of this process and of those that it starts. Without it, tells so; with HOLDFAST_ALL_ETCDS set, throws. */
export async function provideStrace(tell) {
  if (process.platform !== 'linux') return;
  try {
    if (await runs('strace')) return;
    if (!(await runs(join(folder, 'strace')))) {
      await unpackDebian(['strace', 'libunwind8'], folder, (unpacked) => {
        const script = join(unpacked, 'strace');
        writeFileSync(script, SCRIPT, { mode: 0o755 });
        return runs(script);
      });
    }
    process.env.PATH = `${folder}${delimiter}${process.env.PATH}`;
  } catch (error) {
    leaveOut('the tests that trace system calls', 'strace', error, tell);
  }
}
