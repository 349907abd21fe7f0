import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { quoted } from '@holdfast/store/adapter';
import { usage } from '../exit/command-error.js';
import { adapterPackage } from '../scaffold/adapter-package.js';
import type { Session } from '../session.js';

export function addAdapter(program: Command, session: Session): void {
  const adapter = program
    .command('adapter')
    .summary('begin an adapter for another backend')
    .description('Helps authors of adapters.')
    .helpCommand(false);
  adapter
    .command('new')
    .summary('make the package of a new adapter')
    .description(
      'Makes a folder holdfast-NAME with the package of an adapter for NAME: URLs. It passes the conformance suite from the start, over entries in the process; replace them by your backend.',
    )
    .argument('<name>', 'the scheme of its URLs: lower-case letters, digits and dashes')
    .addHelpText(
      'after',
      `
Example:
  holdfast adapter new consul && cd holdfast-consul && npm install && npm test
`,
    )
    .action(async (name: string) => {
      if (!/^[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*$/.test(name)) {
        throw usage(
          `${quoted(name)} can't be the scheme of a URL and the name of a package`,
          'Use lower-case letters, digits and single dashes, such as consul or my-store.',
        );
      }
      const folder = resolve(session.io.cwd, `holdfast-${name}`);
      await checkEmpty(folder);
      const files = adapterPackage(name);
      for (const [path, text] of files) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), text, { flag: 'wx' });
      }
      await session.out.line(
        session.json
          ? JSON.stringify({ folder, files: [...files.keys()] })
          : `Made ${folder}. Next: cd holdfast-${name} && npm install && npm test`,
      );
    });
}

/** Nothing of the user's is overwritten. */
async function checkEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw usage(`${folder} can't be used: ${error.message}`, 'Take another name, or move it away.');
  });
  if (names.length > 0) throw usage(`${folder} is there already, and not empty`, 'Take another name, or move it away.');
}
