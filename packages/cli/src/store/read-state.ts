import type { ConfigStore, KeyValue, Range, Revision } from '@holdfast/store';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress.js';
import { rawKeyText } from '../text/inline.js';
import { readEntries } from './ranges.js';

/** A key that is not UTF-8, in hexadecimal digits. */
export interface RawKey {
  readonly key: string;
  readonly revision: Revision;
}

/** What reading takes of a session. */
export interface Reading {
  readonly signal: AbortSignal;
  readonly io: Pick<Io, 'stderr' | 'env'>;
}

/** All entries of a range at one revision. */
export interface State {
  readonly entries: ReadonlyMap<string, KeyValue>;
  readonly rawKeys: readonly RawKey[];
  /** At which it was read. */
  readonly revision: Revision;
}

/** Reads a range whole, with a progress bar where it takes long. */
export async function readState(
  { signal, io }: Reading,
  store: ConfigStore,
  range: Range,
  options: { readonly revision?: number } = {},
): Promise<State> {
  const entries = new Map<string, KeyValue>();
  const rawKeys: RawKey[] = [];
  let revision: Revision | undefined;
  const progress = progressBar(io, 'keys');
  try {
    for await (const page of readEntries(store, range, { ...options, signal })) {
      revision ??= page.revision;
      for (const item of page.items) entries.set(item.key, item);
      rawKeys.push(...page.undecodable.map((raw) => ({ key: rawKeyText(raw.rawKey), revision: raw.revision })));
      progress.update(entries.size, page.count);
    }
  } finally {
    progress.stop();
  }
  return { entries, rawKeys, revision: revision as Revision };
}

/** How many keys are read at the same time. */
const AT_ONCE = 16;

/** The entries that single keys have. Each write is guarded by its own entry, so they need not be of one revision. */
export async function readKeys(
  { signal, io }: Reading,
  store: ConfigStore,
  keys: readonly string[],
): Promise<ReadonlyMap<string, KeyValue>> {
  const entries = new Map<string, KeyValue>();
  const progress = progressBar(io, 'keys');
  let next = 0;
  const reader = async () => {
    while (next < keys.length) {
      const key = keys[next] as string;
      next += 1;
      const entry = await store.get(key, { signal });
      if (entry !== undefined) entries.set(key, entry);
      progress.update(next, keys.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, keys.length) }, reader));
  } finally {
    progress.stop();
  }
  return entries;
}
