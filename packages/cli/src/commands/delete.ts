import type { Command } from 'commander';
import {
  toRevision,
  type ConfigStore,
  type DeleteGuard,
  type DeleteResult,
  type GuardedDeleteResult,
  type Range,
  type Revision,
} from '@holdfast/store';
import { guardFailed } from '../text/answers.js';
import { conflict, usage } from '../exit/command-error.js';
import type { OpenStore, Session } from '../session.js';
import { keyOrPrefix, readEntries } from '../store/ranges.js';
import { guardOf, type GuardFlags } from '../store/guards.js';
import { whole } from '../store/store-flags.js';
import { count, inline, inlineValue, rawKeyText } from '../text/inline.js';
import { resultJson } from '../text/json.js';

interface Flags extends Pick<GuardFlags, 'ifRevision' | 'ifValue'> {
  readonly prefix?: string;
  readonly all?: true;
  readonly previous?: true;
  readonly yes?: true;
  readonly dryRun?: true;
}

/** How many keys a person is shown before the question. */
const SHOWN = 20;

export function addDelete(program: Command, session: Session): void {
  program
    .command('delete')
    .summary('delete a key, or all keys below a prefix')
    .description(
      'Deletes one key, or all keys that begin with a prefix, at one revision. A prefix is first shown with its keys and the store, and a terminal asks; without one, --yes is needed. If one of the keys changes meanwhile, or there is a new one, nothing is deleted and the exit code is 5 (on etcd v2, it is deleted too). To delete nothing is no failure.',
    )
    .argument('[key]', 'the key')
    .option('--prefix <prefix>', 'all keys that begin with this, instead of one key')
    .option('--all', 'every key of the store')
    .option('--previous', 'also show the deleted entries')
    .option('-y, --yes', 'delete without a question')
    .option('--dry-run', 'only show what would be deleted')
    .optionsGroup('Guards (of one key):')
    .option('--if-revision <revision>', 'only if the key was last changed at this revision', whole('--if-revision'))
    .option('--if-value <value>', 'only if the key has this value')
    .addHelpText(
      'after',
      `
Examples:
  holdfast delete /app/limits
  holdfast delete /app/limits --if-revision 4711
  holdfast delete --prefix /app/old/ --dry-run
  holdfast delete --prefix /app/old/ --yes
`,
    )
    .action((key: string | undefined, flags: Flags) => {
      const guard = guardOf<DeleteGuard>(flags);
      const range = keyOrPrefix(key, flags, 'delete');
      if (guard !== undefined && key === undefined) {
        throw usage('a guard is about one key, and not about a prefix', 'Name the key, or leave the guard out.');
      }
      return session.withStore(async (open) => {
        if (flags.dryRun) await showDryRun(session, open, range);
        else if (key === undefined) await deleteRange(session, open, range, flags);
        else await deleteKey(session, open, key, guard, flags);
      });
    });
}

async function deleteKey(
  session: Session,
  { store, label }: OpenStore,
  key: string,
  guard: DeleteGuard | undefined,
  flags: Flags,
): Promise<void> {
  const options = deleteOptions(session, flags);
  const result: DeleteResult | GuardedDeleteResult =
    guard === undefined ? await store.delete({ key }, options) : await store.delete(key, { ...options, ...guard });
  if ('succeeded' in result && !result.succeeded) {
    if (session.json) await session.out.lineBeforeFailure(JSON.stringify(resultJson(result)));
    throw guardFailed(key, result, label);
  }
  await showResult(session, result);
  if (key.endsWith('/') && result.deleted === 0 && !session.json) {
    await session.note(`If you mean the keys below it: holdfast delete --prefix ${inline(key)}`);
  }
}

/** Shows what will be deleted, asks, and deletes just that. */
async function deleteRange(session: Session, { store, label }: OpenStore, range: Range, flags: Flags): Promise<void> {
  const { keys, revision } = await findKeys(session, store, range);
  if (keys.length === 0) {
    await showResult(session, { revision, deleted: 0 });
    return;
  }
  const more = keys.length > SHOWN ? `\n  … and ${keys.length - SHOWN} more` : '';
  const shown = keys.slice(0, SHOWN).map((key) => `\n  ${inline(key)}`);
  await session.remark(`This deletes ${count(keys.length, 'key')} of ${label}:${shown.join('')}${more}`, {
    willDelete: { store: label, count: keys.length, keys: keys.slice(0, SHOWN) },
  });
  if (!(await session.confirm(`Delete ${keys.length === 1 ? 'it' : 'them'}?`, flags.yes))) return;
  if (store.capabilities.transactions !== 'multi-key') {
    await showResult(session, await store.delete(range, deleteOptions(session, flags)));
    return;
  }
  // A key that somebody has written since it was shown is none of those that were meant.
  const { succeeded, results } = await store.txn(
    {
      if: [{ range, target: 'modRevision', op: '<', value: revision + 1 }],
      then: [{ type: 'delete', range, ...(flags.previous && { previous: true }) }],
    },
    { signal: session.signal },
  );
  const [result] = results;
  if (succeeded && result?.type === 'delete') {
    const { type: _, ...deleted } = result;
    await showResult(session, deleted);
    return;
  }
  throw conflict(
    `nothing was deleted: a key of ${label} was written after revision ${revision}, at which the keys were shown`,
    'Look at the keys with "holdfast list", and run the command again.',
  );
}

function deleteOptions({ signal }: Session, { previous }: Flags) {
  return { signal, ...(previous && { previous: true }) };
}

/** The keys of a range, all at one revision. */
async function findKeys(
  { signal }: Session,
  store: ConfigStore,
  range: Range,
): Promise<{ readonly keys: readonly string[]; readonly revision: Revision }> {
  const keys: string[] = [];
  let revision: Revision | undefined;
  for await (const page of readEntries(store, range, { signal, keysOnly: true })) {
    revision ??= page.revision;
    keys.push(...page.items.map(({ key }) => key), ...page.undecodable.map(({ rawKey }) => rawKeyText(rawKey)));
  }
  return { keys, revision: revision ?? toRevision(0) };
}

async function showDryRun(session: Session, { store, label }: OpenStore, range: Range): Promise<void> {
  const { keys } = await findKeys(session, store, range);
  if (session.json) {
    await session.out.line(JSON.stringify({ dryRun: true, store: label, deleted: keys.length, keys }));
    return;
  }
  await session.note(`Would delete ${count(keys.length, 'key')} of ${label}${keys.length === 0 ? '.' : ':'}`);
  await session.out.write(keys.map((key) => `${inline(key)}\n`).join(''));
}

async function showResult(session: Session, result: DeleteResult): Promise<void> {
  if (session.json) {
    await session.out.line(JSON.stringify(resultJson(result)));
    return;
  }
  const { revision, deleted, previous = [] } = result;
  await session.out.line(
    deleted === 0
      ? 'There was nothing to delete.'
      : `Deleted ${deleted === undefined ? 'it' : count(deleted, 'key')} at revision ${revision}.`,
  );
  await session.out.write(previous.map(({ key, value }) => `Before: ${inline(key)} ${inlineValue(value)}\n`).join(''));
}
