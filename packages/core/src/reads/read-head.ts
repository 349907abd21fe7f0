import type { Bookmark, Range } from '@holdfast/store';
import { checkStorableKey } from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';
import type { Head } from '../runtime/shared-head.js';
import { checkBookmark } from '../util/answers.js';
import { stopwatch } from '../util/stopwatch.js';

/** The greatest age of a head that was read for another mirror, as a part of `livenessMs`. */
const HEAD_AGE = 1 / 10;

/** Whether the head can be read without a look at the whole range. */
export function hasCheapHead(runtime: Runtime): boolean {
  return keyInRange(runtime) !== undefined;
}

/** A key of the range, whether it exists or not. `undefined` where the store can have no key of that name. */
function keyInRange({ store: { capabilities }, settings: { range } }: Runtime): string | undefined {
  if (range.key !== undefined) return range.key;
  const { prefix } = range;
  if (prefix === undefined) return undefined;
  if (capabilities.keySyntax === 'any') return prefix === '' ? '\0' : prefix;
  // Where keys are paths, one ends with a name.
  const key = `${prefix === '' ? '/' : prefix}-`;
  try {
    return checkStorableKey(key, capabilities);
  } catch {
    return undefined;
  }
}

/** Reads the store's head with a linearizable read within the mirror's own range (M12), as cheaply as the store allows. */
export async function readHead(runtime: Runtime, signal: AbortSignal): Promise<Bookmark> {
  const { store, settings, fullLoads } = runtime;
  const watch = stopwatch(settings.clock);
  // Counting the whole range would make the server walk it, and etcd v2 send all of it.
  const key = keyInRange(runtime);
  const narrow: Range = key === undefined ? settings.range.toRange() : { key };
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
