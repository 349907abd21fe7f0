import type { Command } from 'commander';
import type { DeleteGuard, DeleteResult, GuardedDeleteResult, Range } from '@holdfast/store';
import { usage } from '../exit/command-error.js';
import type { OpenStore, Session } from '../session.js';
import { prefixRange, readEntries } from '../store/ranges.js';
import { whole } from '../store/store-flags.js';
import { count, inline, inlineValue, rawKeyText } from '../text/inline.js';
import { resultJson } from '../text/json.js';
import { guardFailed } from './put.js';

interface Flags {
  readonly prefix?: string;
  readonly all?: true;
  readonly ifRevision?: number;
  readonly ifValue?: string;
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
      'Deletes one key, or all keys that begin with a prefix, at one revision. A prefix is first shown with its keys and the store, and a terminal asks; without one, --yes is needed. To delete nothing is no failure.',
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
      const guard = guardOf(flags);
      const range = rangeOf(key, flags);
      if (guard !== undefined && key === undefined) {
        throw usage('a guard is about one key, and not about a prefix', 'Name the key, or leave the guard out.');
      }
      return session.withStore(async (open) => {
        if ((key === undefined || flags.dryRun) && !(await isMeant(session, open, range, flags))) return;
        const options = { signal: session.signal, ...(flags.previous && { previous: true }) };
        const { store, label } = open;
        const result: DeleteResult | GuardedDeleteResult =
          key !== undefined && guard !== undefined
            ? await store.delete(key, { ...options, ...guard })
            : await store.delete(range, options);
        if (session.json) await session.out.line(JSON.stringify(resultJson(result)));
        if ('succeeded' in result && !result.succeeded) throw guardFailed(key ?? '', result, label);
        if (!session.json) await show(session, result);
        if (key?.endsWith('/') === true && result.deleted === 0) {
          await session.note(`If you mean the keys below it: holdfast delete --prefix ${inline(key)}`);
        }
      });
    });
}

function rangeOf(key: string | undefined, { prefix, all }: Flags): Range {
  if (key === undefined) {
    if (prefix === undefined && all === undefined) {
      throw usage('there is nothing to delete', 'Give a key, or --prefix PREFIX for all keys below it.');
    }
    return prefixRange(prefix, all, '--prefix');
  }
  if (prefix === undefined && all === undefined) return { key };
  throw usage('a key is given, and a prefix too', 'Give one of them.');
}

function guardOf({ ifRevision, ifValue }: Flags): DeleteGuard | undefined {
  const given = {
    ...(ifRevision !== undefined && { ifModRevision: ifRevision }),
    ...(ifValue !== undefined && { ifValue }),
  };
  return Object.keys(given).length === 0 ? undefined : (given as DeleteGuard);
}

/** Shows what will be deleted, and asks. With `--dry-run` that is all. */
async function isMeant(session: Session, { store, label }: OpenStore, range: Range, flags: Flags): Promise<boolean> {
  const keys: string[] = [];
  for await (const page of readEntries(store, range, { signal: session.signal, keysOnly: true })) {
    keys.push(...page.items.map(({ key }) => key), ...page.undecodable.map(({ rawKey }) => rawKeyText(rawKey)));
  }
  if (flags.dryRun) {
    if (session.json)
      await session.out.line(JSON.stringify({ dryRun: true, store: label, deleted: keys.length, keys }));
    else {
      await session.note(`Would delete ${count(keys.length, 'key')} of ${label}${keys.length === 0 ? '.' : ':'}`);
      await session.out.write(keys.map((key) => `${inline(key)}\n`).join(''));
    }
    return false;
  }
  if (keys.length === 0 || flags.yes) return true;
  const more = keys.length > SHOWN ? `\n  … and ${keys.length - SHOWN} more` : '';
  await session.note(`This deletes ${count(keys.length, 'key')} of ${label}:`);
  await session.note(
    `${keys
      .slice(0, SHOWN)
      .map((key) => `  ${inline(key)}`)
      .join('\n')}${more}`,
  );
  return session.confirm(`Delete ${keys.length === 1 ? 'it' : 'them'}?`, flags.yes);
}

async function show(session: Session, { revision, deleted, previous = [] }: DeleteResult): Promise<void> {
  await session.out.line(
    deleted === 0
      ? 'There was nothing to delete.'
      : `Deleted ${deleted === undefined ? 'it' : count(deleted, 'key')} at revision ${revision}.`,
  );
  await session.out.write(previous.map(({ key, value }) => `Before: ${inline(key)} ${inlineValue(value)}\n`).join(''));
}
