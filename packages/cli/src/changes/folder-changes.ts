import type { KeyValue } from '@holdfast/store';
import { usage } from '../exit/command-error.js';
import type { OpenStore, Session } from '../session.js';
import { prefixRange } from '../store/ranges.js';
import { readKeys, readState } from '../store/read-state.js';
import { count, quoted } from '../text/inline.js';
import { changesBetween, isLeased, type ChangeSet } from './change.js';
import { checkStorable } from './check-storable.js';
import { readWanted, type Wanted } from './folder.js';

/** The options that say what a folder is about. */
export interface FolderFlags {
  readonly prefix?: string;
  readonly all?: true;
  readonly prune?: true;
  readonly allowEmpty?: true;
}

/** What differs between a folder and the store. */
export interface FolderChanges extends ChangeSet {
  readonly values: ReadonlyMap<string, Uint8Array>;
  /** How many keys below the prefix have no file, and are left alone, but for those that `--prune` leaves alone too. */
  readonly beside: number;
}

/**
 * Compares a folder with the store. Keys that have no file are to be deleted only with `--prune`, and only below `--prefix`.
 *
 * @throws CommandError before anything is read from the store, for a folder or options that can't be used
 */
export async function folderChanges(
  session: Session,
  open: OpenStore,
  folder: string,
  flags: FolderFlags,
): Promise<FolderChanges> {
  const wanted = await readFolderWanted(session, folder, flags);
  const { store } = open;
  checkStorable(store, wanted.values);
  const state = await current(session, open, wanted, flags);
  const beside = [...state.entries.values()].filter(({ key }) => !wanted.values.has(key));
  const all = flags.prune ? [...wanted.values, ...beside.map(({ key }) => [key, undefined] as const)] : wanted.values;
  const set = changesBetween(new Map(all), state.entries, wanted.isSame);
  const strange = flags.prune ? state.rawKeys.map(({ key }) => ({ key, reason: 'it is not UTF-8' })) : [];
  return {
    ...set,
    leftOut: [...wanted.leftOut, ...strange, ...set.leftOut],
    values: wanted.values,
    beside: flags.prune ? 0 : beside.filter((entry) => !isLeased(entry)).length,
  };
}

/** Reads the folder, and says which of its words are doubtful. */
export async function readFolderWanted(session: Session, folder: string, flags: FolderFlags): Promise<Wanted> {
  if (flags.prune && flags.prefix === undefined && flags.all === undefined) {
    throw usage(
      '--prune deletes keys that have no file, and nothing says below which prefix',
      'Name it with --prefix, such as --prefix /app/.',
    );
  }
  const wanted = await readWanted(folder, flags.prefix ?? '');
  if (flags.prune && wanted.values.size === 0 && !flags.allowEmpty) {
    throw usage(
      `the folder ${quoted(folder)} has no files: --prune would delete every key below the prefix`,
      'Check the name of the folder, or say --allow-empty if that is meant.',
    );
  }
  for (const warning of wanted.warnings) await session.remark(`Doubtful: ${warning}`, { warning });
  return wanted;
}

async function current(session: Session, { store }: OpenStore, { values }: Wanted, flags: FolderFlags) {
  if (flags.prefix === undefined && flags.all === undefined) {
    const entries: ReadonlyMap<string, KeyValue> = await readKeys(session, store, [...values.keys()]);
    return { entries, rawKeys: [] };
  }
  return readState(session, store, prefixRange(flags.prefix, flags.all, '--prefix'));
}

/** Says which keys a folder leaves alone. */
export async function tellBeside(session: Session, { beside }: FolderChanges): Promise<void> {
  if (beside === 0 || session.json) return;
  await session.note(
    `${count(beside, 'key')} below the prefix ${beside === 1 ? 'has' : 'have'} no file: --prune would delete ${beside === 1 ? 'it' : 'them'}.`,
  );
}
