// Makes strace available to the tests: the system's, or Debian's package with the library that it needs, unpacked into .cache/strace and not
// installed.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provideOnPath } from './debian.mjs';

// The folder moves, so the script finds the program from its own place.
const SCRIPT = `#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH=$(echo "$here"/usr/lib/*-linux-gnu) exec "$here/usr/bin/strace" -E LD_LIBRARY_PATH "$@"
`;

/** See `provideOnPath`. */
export function provideStrace(tell) {
  const program = {
    program: 'strace',
    packages: ['strace', 'libunwind8'],
    complete: (unpacked) => writeFileSync(join(unpacked, 'strace'), SCRIPT, { mode: 0o755 }),
    tests: 'the tests that trace system calls',
  };
  return provideOnPath(program, tell);
}
