import type { ConfigStore, KeyValue, ListOptions, Range, Revision, UndecodableKey } from '@holdfast/store';
import { compareBytes, encodeUtf8, KeyRange, keySuccessor } from '@holdfast/store/adapter';
import { usage } from '../exit/command-error.js';

/**
 * The range of a command that takes a PREFIX. Everything is meant only if somebody says so.
 *
 * @param how how the command gets its prefix, for the message
 */
export function prefixRange(prefix: string | undefined, all: boolean | undefined, how = 'PREFIX'): { prefix: string } {
  if (all === true) {
    if (prefix === undefined || prefix === '') return { prefix: '' };
    throw usage(`--all means every key, and ${how} only some of them`, 'Give one of them.');
  }
  if (prefix !== undefined && prefix !== '') return { prefix };
  throw usage(
    'an empty prefix means every key of the store',
    `Name a prefix such as /app/, or say that you mean every key: --all.`,
  );
}

export type KeyOrPrefix = { readonly key: string } | { readonly prefix: string };

/**
 * The range of a command that takes one KEY, or `--prefix` instead.
 *
 * @param verb what the command does to the keys, such as `delete`, for the message
 */
export function keyOrPrefix(
  key: string | undefined,
  { prefix, all }: { readonly prefix?: string; readonly all?: true },
  verb: string,
): KeyOrPrefix {
  if (key === undefined) {
    if (prefix === undefined && all === undefined) {
      throw usage(`there is nothing to ${verb}`, 'Give a key, or --prefix PREFIX for all keys below it.');
    }
    return prefixRange(prefix, all, '--prefix');
  }
  if (prefix === undefined && all === undefined) return { key };
  throw usage('a key is given, and a prefix too', 'Give one of them.');
}

/** A part of a range, read at one revision with all others. */
export interface EntryPage {
  readonly items: readonly KeyValue[];
  readonly undecodable: readonly UndecodableKey[];
  readonly revision: Revision;
  /** The number of keys in the whole range. */
  readonly count: number;
}

const PAGE = 1_000;

/** All entries of a range with their leases, at one revision. In pages where the store can read a past revision, otherwise in one. */
export async function* readEntries(
  store: ConfigStore,
  range: Range,
  options: Omit<ListOptions, 'limit' | 'sort' | 'countOnly'>,
): AsyncGenerator<EntryPage> {
  const whole = KeyRange.from(range);
  // A page that a filter leaves empty would not say where the next one begins.
  const limit = store.capabilities.historicalReads && options.minModRevision === undefined ? PAGE : undefined;
  let { revision } = options;
  let rest: Range | undefined = range;
  let count: number | undefined;
  while (rest !== undefined) {
    const page = await store.list(rest, { ...options, limit, ...(revision !== undefined && { revision }) });
    if (limit !== undefined) revision ??= page.bookmark.revision;
    count ??= page.count;
    yield { items: page.items, undecodable: page.undecodable, revision: page.bookmark.revision, count };
    const last = page.more ? lastKey(page.items, page.undecodable) : undefined;
    rest =
      last === undefined
        ? undefined
        : { start: keySuccessor(last), ...(whole.end !== undefined && { end: whole.end }) };
  }
}

/** Keys that are not UTF-8 lie among the others. */
function lastKey(items: readonly KeyValue[], undecodable: readonly UndecodableKey[]): Uint8Array | undefined {
  const last = items.at(-1);
  return [...(last === undefined ? [] : [encodeUtf8(last.key)]), ...undecodable.map(({ rawKey }) => rawKey)]
    .sort(compareBytes)
    .at(-1);
}
