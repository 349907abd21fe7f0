// Prints the path of promtool, Prometheus's own checker of rules: from PATH, or from .cache/promtool, which is filled from Debian's package
// `prometheus` if it is empty. Prints nothing, and says why on stderr, where it can't be had.
import { join } from 'node:path';
import { runs, unpackDebian } from './debian.mjs';
import { root } from './pnpm.mjs';

const cache = join(root, '.cache', 'promtool');
const programIn = (folder) => join(folder, 'usr', 'bin', 'promtool');

try {
  if (await runs('promtool')) console.log('promtool');
  else {
    if (!(await runs(programIn(cache))))
      await unpackDebian(['prometheus'], cache, (unpacked) => runs(programIn(unpacked)));
    console.log(programIn(cache));
  }
} catch (error) {
  console.error(`no promtool: ${error.message}; install Debian's package prometheus`);
}
