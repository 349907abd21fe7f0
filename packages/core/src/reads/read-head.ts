import type { Bookmark } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';
import type { Head } from '../runtime/shared-head.js';
import { checkBookmark } from '../util/answers.js';
import { stopwatch } from '../util/stopwatch.js';

/** The greatest age of a head that was read for another mirror, as a part of `livenessMs`. */
const HEAD_AGE = 1 / 10;

/** Whether the head can be read without a look at the whole range. */
export function hasCheapHead({ store, settings }: Runtime): boolean {
  return settings.range.key !== undefined || store.capabilities.keySyntax === 'any';
}

/** Reads the store's head with a linearizable read within the mirror's own range (M12), as cheaply as the store allows. */
export async function readHead(runtime: Runtime, signal: AbortSignal): Promise<Bookmark> {
  const { range } = runtime.settings;
  const { store, fullLoads } = runtime;
  const watch = stopwatch(runtime.settings.clock);
  // Read one key of the range, whether it exists or not: counting the whole range would make the server walk it.
  const key = range.key ?? (range.prefix === '' ? '\0' : range.prefix);
  const narrow = store.capabilities.keySyntax === 'any' && key !== undefined ? { key } : range.toRange();
  const { bookmark } = await runtime.read('reading the head', runtime.readTimeoutMs, signal, (deadline) =>
    store.list(narrow, { countOnly: true, signal: deadline.signal }),
  );
  fullLoads.answered(watch());
  return checkBookmark(bookmark);
}

/**
 * A head recently read for any mirror of this store, or one that is read now. `undefined` if it proves nothing for this mirror; then
 * the mirror must read for itself.
 */
export async function readSharedHead(runtime: Runtime, signal: AbortSignal): Promise<Head | undefined> {
  const { table, heads, freshness } = runtime;
  const maxAgeMs = runtime.settings.livenessMs * HEAD_AGE;
  const head =
    heads.recent(maxAgeMs) ??
    (await runtime.read('reading the head', runtime.readTimeoutMs, signal, () =>
      heads.read(maxAgeMs, () => readHead(runtime, signal)),
    ));
  const { bookmark } = table;
  if (head === undefined || head.bookmark.identity !== bookmark?.identity) return undefined;
  // If the head is below the mirror's revision, the mirror has overtaken it, or the store went back.
  const isPast = head.bookmark.revision >= bookmark.revision || (head.isAhead && head.users.has(table));
  return isPast && head.mark.ticket > freshness.proved ? head : undefined;
}
