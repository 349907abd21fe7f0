import { Option, type Command } from 'commander';
import type { UndecodableKey } from '@holdfast/store';
import type { OpenStore, Session } from '../session.js';
import { resolve } from 'node:path';
import { splitForFolder, writeFolder } from '../changes/folder.js';
import { leftOutText } from '../changes/change-text.js';
import { prefixRange, readEntries } from '../store/ranges.js';
import { readState } from '../store/read-state.js';
import { whole } from '../store/store-flags.js';
import { progressBar } from '../terminal/progress.js';
import { strangeKeysText } from '../text/answers.js';
import { count, inline } from '../text/inline.js';
import { entryJson, undecodableJson } from '../text/json.js';

interface Flags {
  readonly all?: true;
  readonly revision?: number;
  readonly folder?: string;
  readonly prefer?: 'yaml' | 'json';
}

export function addExport(program: Command, session: Session): void {
  program
    .command('export')
    .summary('write all keys below a prefix, for "holdfast import"')
    .description(
      'Writes all keys that begin with a prefix, with their values, at one revision: one JSON object on each line, as "list --json" does. Values that are not text are "valueBase64". Keys that are not UTF-8 are objects with "rawKeyBase64", and are listed on standard error: no command can write them back. With --folder, each key is a file instead, named by what follows the prefix: routes/home.yaml. Keys with a lease have no file, and are listed.',
    )
    .argument('[prefix]', 'the beginning of the keys')
    .option('--all', 'every key of the store, instead of a prefix')
    .option('--revision <revision>', 'the state at a past revision', whole('--revision'))
    .option('--folder <folder>', 'write a file for each key into this folder, which is not there yet or empty')
    .addOption(
      new Option('--prefer <format>', 'how JSON objects are written into a folder')
        .choices(['yaml', 'json'])
        .default('yaml'),
    )
    .addHelpText(
      'after',
      `
Examples:
  holdfast export /app/ > app.ndjson
  holdfast export --all --store etcd-v2://127.0.0.1:2379 | holdfast import - --yes
  holdfast export /app/ --revision 4711 | jq -r .key
  holdfast export /app/ --folder app && holdfast diff app --prefix /app/
`,
    )
    .action((prefix: string | undefined, flags: Flags) => {
      const range = prefixRange(prefix, flags.all);
      const { folder } = flags;
      return session.withStore((open) =>
        folder === undefined
          ? exportLines(session, open, range, flags)
          : exportFolder(session, open, range, { ...flags, folder }),
      );
    });
}

async function exportLines(
  session: Session,
  { store }: OpenStore,
  range: { readonly prefix: string },
  { revision }: Flags,
): Promise<void> {
  const { signal, io, width } = session;
  const strange: UndecodableKey[] = [];
  // Lines that come out of the same terminal show how far it is.
  const progress = progressBar(io, 'keys', width !== undefined);
  let done = 0;
  try {
    for await (const page of readEntries(store, range, { signal, ...(revision !== undefined && { revision }) })) {
      const lines = [...page.items.map(entryJson), ...page.undecodable.map(undecodableJson)];
      strange.push(...page.undecodable);
      await session.out.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      done += lines.length;
      progress.update(done, page.count);
    }
  } finally {
    progress.stop();
  }
  if (strange.length > 0) await session.note(strangeKeysText(strange));
}

async function exportFolder(
  session: Session,
  { store, label }: OpenStore,
  range: { readonly prefix: string },
  { folder, revision, prefer = 'yaml' }: Flags & { readonly folder: string },
): Promise<void> {
  const state = await readState(session, store, range, revision === undefined ? {} : { revision });
  const { files, leftOut } = splitForFolder(state.entries.values(), range.prefix);
  const all = [...leftOut, ...state.rawKeys.map(({ key }) => ({ key, reason: 'it is not UTF-8' }))];
  const progress = progressBar(session.io, 'files');
  try {
    await writeFolder(resolve(session.io.cwd, folder), files, range.prefix, {
      prefer,
      onFile: (done) => {
        session.checkInterrupted();
        progress.update(done, files.length);
      },
    });
  } finally {
    progress.stop();
  }
  if (all.length > 0) await session.remark(leftOutText(all), { leftOut: all });
  await session.out.line(
    session.json
      ? JSON.stringify({ files: files.length, revision: state.revision, leftOut: all })
      : `Wrote ${count(files.length, 'file')} into ${inline(folder)}: ${label} at revision ${state.revision}.`,
  );
}
