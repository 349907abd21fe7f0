import { Option, type Command } from 'commander';
import type { ConfigStore, KeyValue, ListOptions, Range, SortOrder, UndecodableKey } from '@holdfast/store';
import type { Session } from '../session.js';
import { prefixRange, readEntries } from '../store/ranges.js';
import { whole } from '../store/store-flags.js';
import { strangeKeysText } from '../text/answers.js';
import { count, inline, inlineValue } from '../text/inline.js';
import { entryJson, keyJson, undecodableJson } from '../text/json.js';
import { table } from '../text/table.js';

interface Flags {
  readonly all?: true;
  readonly keys?: true;
  readonly count?: true;
  readonly long?: true;
  readonly limit?: number;
  readonly sort?: SortOrder['target'];
  readonly descending?: true;
  readonly revision?: number;
  readonly minRevision?: number;
  readonly serializable?: true;
}

export function addList(program: Command, session: Session): void {
  program
    .command('list')
    .summary('list the keys below a prefix, with their values')
    .description(
      'Lists the keys that begin with a prefix, all at one revision. A terminal gets a table, cut to its width; anything else gets tab-separated fields, whole and without a header: key, revision, value. An empty list is exit code 0.',
    )
    .argument('[prefix]', 'the beginning of the keys')
    .option('--all', 'every key of the store, instead of a prefix')
    .option('--keys', 'the keys alone')
    .option('--count', 'the number of keys alone')
    .option('--long', 'also when each key was created, its version and its lease')
    .option('--limit <number>', 'at most so many keys', whole('--limit'))
    .addOption(
      new Option('--sort <field>', 'another order than that of the keys').choices([
        'key',
        'version',
        'createRevision',
        'modRevision',
        'value',
      ]),
    )
    .option('--descending', 'the last one first')
    .option('--revision <revision>', 'the state at a past revision', whole('--revision'))
    .option('--min-revision <revision>', 'only keys changed at this revision or later', whole('--min-revision'))
    .option('--serializable', 'a cheaper read, which may be stale')
    .addHelpText(
      'after',
      `
Examples:
  holdfast list /app/
  holdfast list /app/ --keys
  holdfast list --all --count
  holdfast list /app/ --json | jq -r .key
`,
    )
    .action((prefix: string | undefined, flags: Flags) => {
      const range = prefixRange(prefix, flags.all);
      return session.withStore(async ({ store }) => {
        if (flags.count) await showCount(session, store, range, flags);
        else await showEntries(session, store, range, flags);
      });
    });
}

function readOptions(session: Session, { revision, minRevision, serializable }: Flags) {
  return {
    signal: session.signal,
    ...(revision !== undefined && { revision }),
    ...(minRevision !== undefined && { minModRevision: minRevision }),
    ...(serializable && { consistency: 'serializable' as const }),
  };
}

async function showCount(session: Session, store: ConfigStore, range: Range, flags: Flags): Promise<void> {
  const result = await store.list(range, { ...readOptions(session, flags), countOnly: true });
  await session.out.line(
    session.json ? JSON.stringify({ count: result.count, bookmark: result.bookmark }) : String(result.count),
  );
}

type Part = Pick<Awaited<ReturnType<ConfigStore['list']>>, 'items' | 'undecodable'>;

/** What was asked for in parts. An order or a limit is the store's matter, and one call. */
async function* parts(session: Session, store: ConfigStore, range: Range, flags: Flags): AsyncGenerator<Part> {
  const options = { ...readOptions(session, flags), keysOnly: flags.keys === true };
  const { limit, sort, descending } = flags;
  if (limit === undefined && sort === undefined && descending === undefined) {
    yield* readEntries(store, range, options);
    return;
  }
  const ordered: ListOptions = {
    ...options,
    ...(limit !== undefined && { limit }),
    ...((sort ?? descending) !== undefined && {
      sort: { target: sort ?? 'key', order: descending ? 'descend' : 'ascend' },
    }),
  };
  const result = await store.list(range, ordered);
  yield result;
  if (result.more && !session.json) await session.note(`(${count(result.count, 'key')} in all)`);
}

async function showEntries(session: Session, store: ConfigStore, range: Range, flags: Flags): Promise<void> {
  const strange: UndecodableKey[] = [];
  // A table's columns are as wide as its widest cells, so a terminal waits for all of them.
  const rows: string[][] = [];
  for await (const { items, undecodable } of parts(session, store, range, flags)) {
    strange.push(...undecodable);
    if (session.json) {
      const toJson = flags.keys ? keyJson : entryJson;
      const lines = [...items.map(toJson), ...undecodable.map(undecodableJson)];
      await session.out.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      continue;
    }
    rows.push(...items.map((item) => cells(item, flags)));
    if (session.width === undefined) {
      await session.out.write(table([], rows.splice(0), undefined, session.style));
    }
  }
  if (rows.length > 0) await session.out.write(table(header(flags), rows, session.width, session.style));
  if (session.json || strange.length === 0) return;
  await session.note(strangeKeysText(strange));
}

function header({ keys, long }: Flags): string[] {
  const always = keys ? ['KEY'] : ['KEY', 'REVISION'];
  return [...always, ...(long ? ['CREATED', 'VERSION', 'LEASE'] : []), ...(keys ? [] : ['VALUE'])];
}

function cells(item: KeyValue, { keys, long }: Flags): string[] {
  const { key, modRevision, createRevision, version, lease, value } = item;
  return [
    inline(key),
    ...(keys ? [] : [String(modRevision)]),
    ...(long ? [String(createRevision), version === undefined ? '-' : String(version), lease ?? '-'] : []),
    ...(keys ? [] : [inlineValue(value)]),
  ];
}
