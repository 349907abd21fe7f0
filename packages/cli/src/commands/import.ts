import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { carryOut, type CarryOutFlags } from '../changes/carry-out.js';
import { checkStorable } from '../changes/check-storable.js';
import { changesBetween, kindOf, type ChangeSet } from '../changes/change.js';
import { parseEntryLines, type Imported } from '../changes/entry-lines.js';
import { readWanted } from '../changes/folder.js';
import { conflict } from '../exit/command-error.js';
import type { OpenStore, Session } from '../session.js';
import { readKeys } from '../store/read-state.js';
import { count, quoted } from '../text/inline.js';

interface Flags extends CarryOutFlags {
  readonly overwrite?: true;
  readonly prefix?: string;
}

/** How many keys that differ are named. */
const SHOWN = 5;

export function addImport(program: Command, session: Session): void {
  program
    .command('import')
    .summary('write what "holdfast export" has written')
    .description(
      'Writes the keys that "holdfast export" or "list --json" wrote, or those of a folder. It shows first what changes, and in which store; a terminal asks; without one, --yes is needed. Keys that have the value already stay untouched. If a key has another value, nothing is changed and the exit code is 5, unless --overwrite is given. Each write is guarded by what was shown. All is one transaction where that fits, otherwise batches that stop at the first conflict and say where: running it again goes on there. Keys with a lease, in the file or in the store, are left out and listed.',
    )
    .argument('<file>', 'the file, a folder, or - for the standard input')
    .option('--prefix <prefix>', 'what is put before each key: what an exported folder leaves out')
    .option('--overwrite', 'also write keys that have another value')
    .option('-y, --yes', 'change without a question')
    .option('--dry-run', 'only show what would be changed')
    .addHelpText(
      'after',
      `
Examples:
  holdfast import app.ndjson --dry-run
  holdfast import app.ndjson
  holdfast import ./app --prefix /app/
  holdfast export /app/ --store etcd-v2://old:2379 | holdfast import - --store etcd-v3://new:2379 --yes
`,
    )
    .action(async (file: string, flags: Flags) => {
      const imported = await readImported(session, file, flags.prefix);
      await session.withStore((open) => importEntries(session, open, imported, flags));
    });
}

async function readImported(session: Session, file: string, prefix = ''): Promise<Imported> {
  const path = resolve(session.io.cwd, file);
  const isFolder = file !== '-' && (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (isFolder) {
    const { values: entries, leftOut, warnings, isSame } = await readWanted(path, prefix);
    for (const warning of warnings) await session.remark(`Doubtful: ${warning}`, { warning });
    return { entries, leftOut, isSame };
  }
  const { entries, leftOut } = parseEntryLines(await session.readFile(file), file === '-' ? 'the input' : quoted(file));
  return { entries: new Map([...entries].map(([key, value]) => [prefix + key, value])), leftOut };
}

async function importEntries(session: Session, open: OpenStore, imported: Imported, flags: Flags): Promise<void> {
  checkStorable(open.store, imported.entries);
  const current = await readKeys(session, open.store, [...imported.entries.keys()]);
  const set = changesBetween(imported.entries, current, imported.isSame);
  const whole = { ...set, leftOut: [...imported.leftOut, ...set.leftOut] };
  await carryOut(session, open, whole, flags, () => {
    if (!flags.overwrite) refuseOverwriting(whole, open.label);
  });
}

function refuseOverwriting({ changes }: ChangeSet, label: string): void {
  const differing = changes.filter((change) => kindOf(change) !== 'create');
  if (differing.length === 0) return;
  const shown = differing.slice(0, SHOWN).map(({ key }) => quoted(key));
  const more = differing.length > SHOWN ? ` and ${differing.length - SHOWN} more` : '';
  throw conflict(
    `nothing was changed: ${count(differing.length, 'key')} in ${label} ${differing.length === 1 ? 'has' : 'have'} another value: ${shown.join(', ')}${more}`,
    'Say --overwrite to write them too, or take them out of the input.',
  );
}
