import { Option, type Command } from 'commander';
import type { KeyValue, Revision, UndecodableKey } from '@holdfast/store';
import type { OpenStore, Session } from '../session.js';
import { resolve } from 'node:path';
import { splitForFolder, writeFolder } from '../changes/folder.js';
import type { LeftOut } from '../changes/change.js';
import { leftOutText } from '../changes/change-text.js';
import { usage } from '../exit/command-error.js';
import { readSnapshotFile, snapshotPlace } from '../store/snapshot-file.js';
import { prefixRange, readEntries } from '../store/ranges.js';
import { readState } from '../store/read-state.js';
import { whole } from '../store/store-flags.js';
import { progressBar } from '../terminal/progress.js';
import { strangeKeysText } from '../text/answers.js';
import { count, inline, quoted, rawKeyText } from '../text/inline.js';
import { entryJson, undecodableJson } from '../text/json.js';

interface Flags {
  readonly all?: true;
  readonly revision?: number;
  readonly fromSnapshot?: string;
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
    .option('--from-snapshot <file>', "what a mirror's snapshot file shows, and not a store; by default, all of it")
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
  holdfast export --from-snapshot /var/lib/app/config.snapshot > app.ndjson
  holdfast export /app/ --folder app && holdfast diff app --prefix /app/
`,
    )
    .action((prefix: string | undefined, flags: Flags) => {
      const { folder, fromSnapshot } = flags;
      if (fromSnapshot !== undefined) return exportSnapshot(session, fromSnapshot, prefix ?? '', flags);
      const range = prefixRange(prefix, flags.all);
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
  { prefix }: { readonly prefix: string },
  { folder, revision, prefer }: Flags & { readonly folder: string },
): Promise<void> {
  const {
    entries,
    rawKeys,
    revision: at,
  } = await readState(session, store, { prefix }, revision === undefined ? {} : { revision });
  const strange = rawKeys.map(({ key }) => ({ key, reason: 'it is not UTF-8' }));
  await writeFiles(session, { entries: [...entries.values()], leftOut: strange, revision: at, place: label }, prefix, {
    folder,
    prefer,
  });
}

/** What becomes files. */
interface Exported {
  readonly entries: readonly KeyValue[];
  readonly leftOut: readonly LeftOut[];
  readonly revision: Revision;
  /** Where it comes from. */
  readonly place: string;
}

async function writeFiles(
  session: Session,
  { entries, leftOut: others, revision, place }: Exported,
  prefix: string,
  { folder, prefer = 'yaml' }: { readonly folder: string; readonly prefer: 'yaml' | 'json' | undefined },
): Promise<void> {
  const { files, leftOut: own } = splitForFolder(entries, prefix);
  const leftOut = [...own, ...others];
  const progress = progressBar(session.io, 'files');
  try {
    await writeFolder(resolve(session.io.cwd, folder), files, prefix, {
      prefer,
      onFile: (done) => {
        session.checkInterrupted();
        progress.update(done, files.length);
      },
    });
  } finally {
    progress.stop();
  }
  if (leftOut.length > 0) await session.remark(leftOutText(leftOut), { leftOut });
  await session.out.line(
    session.json
      ? JSON.stringify({ files: files.length, revision, leftOut })
      : `Wrote ${count(files.length, 'file')} into ${inline(folder)}: ${place} at revision ${revision}.`,
  );
}

/** What the mirror that wrote a snapshot would show, from the file alone. */
async function exportSnapshot(session: Session, file: string, prefix: string, flags: Flags): Promise<void> {
  if (flags.revision !== undefined) {
    throw usage('a snapshot has one revision only', 'Leave out --revision, or read a store.');
  }
  const { reason, header, entries, problems, unclaimed } = await readSnapshotFile(resolve(session.io.cwd, file));
  if (reason !== undefined || header === undefined) {
    throw usage(
      `the snapshot ${quoted(file)} can't be used: ${reason ?? 'it has no header'}`,
      'Look at it with "holdfast check --snapshot".',
    );
  }
  const chosen = entries.filter(({ key }) => key.startsWith(prefix));
  const shown = new Set(chosen.map(({ key }) => key));
  const leftOut = [
    ...problems.map(({ key, rawKey = new Uint8Array(), reason: why }) => {
      const name = key ?? rawKeyText(rawKey);
      return { key: name, reason: `${why}${shown.has(name) ? '; written is the last good value' : ''}` };
    }),
    ...unclaimed.map((key) => ({
      key,
      reason: 'it belongs to no collection, so the snapshot does not have its value',
    })),
  ].filter(({ key }) => key.startsWith(prefix) || key.startsWith('0x'));
  await session.remark(
    `From ${snapshotPlace(header)}, complete as of ${new Date(header.asOf).toISOString()}. A snapshot does not say which keys had a lease.`,
    { snapshot: header },
  );
  const { folder, prefer } = flags;
  const { revision } = header.bookmark;
  // The mirror's own prefix is no part of the files' names, as where the folder comes from the store.
  const base = prefix === '' ? (header.prefix ?? '') : prefix;
  if (folder !== undefined) {
    await writeFiles(session, { entries: chosen, leftOut, revision, place: inline(file) }, base, { folder, prefer });
    return;
  }
  await session.out.write(chosen.map((entry) => `${JSON.stringify(entryJson(entry))}\n`).join(''));
  if (leftOut.length > 0) await session.remark(leftOutText(leftOut), { leftOut });
}
