import { checkSignal } from './call.js';
import { checkFlag, checkNames, checkWhole, invalid, revisionOf } from './check-options.js';
import { checkPrevious, type Backend } from './check-txn.js';
import type { DriverWatchOptions } from './driver.js';
import { isStoreError, type StoreError } from './errors.js';
import type { WatchOptions } from './options.js';
import { KeyRange, type Range } from './range.js';
import type { Bookmark } from './revision.js';

export interface CheckedWatch {
  readonly range: KeyRange;
  readonly options: DriverWatchOptions;
  readonly bufferBytes: number | undefined;
  readonly unref: boolean;
  readonly signal: AbortSignal | undefined;
}

const NAMES: readonly string[] = ['after', 'previous', 'only', 'bufferBytes', 'unref', 'signal'];

/** A watch's checked arguments, or the error to end the watch with. */
export function checkWatch(
  range: Range,
  options: WatchOptions | undefined,
  backend: Backend,
): CheckedWatch | { readonly error: StoreError } {
  try {
    const given = checkNames(options, NAMES, 'watch()');
    const { only, bufferBytes, signal } = given;
    if (only !== undefined && only !== 'put' && only !== 'delete') throw invalid(`only must be 'put' or 'delete'`);
    checkSignal(signal);
    const unref = checkFlag(given, 'unref');
    const budget = bufferBytes === undefined ? undefined : checkWhole(bufferBytes, 'bufferBytes', 'bytes');
    return {
      range: KeyRange.from(range),
      options: {
        after: checkBookmark(given['after']),
        previous: checkPrevious(given, backend),
        only,
        ...(budget !== undefined && { bufferBytes: budget }),
        ...(unref && { unref }),
      },
      bufferBytes: budget,
      unref,
      signal,
    };
  } catch (error) {
    if (isStoreError(error)) return { error };
    throw error;
  }
}

function checkBookmark(after: unknown): Bookmark | undefined {
  if (after === undefined) return undefined;
  const { revision, identity } = checkNames(after, ['revision', 'identity'], 'a bookmark');
  if (typeof identity !== 'string' || identity === '') {
    throw invalid(
      'a bookmark is { revision, identity } as a list, a watch or a mirror gave it; this one has no identity',
    );
  }
  return { revision: revisionOf(revision, 'the revision of a bookmark'), identity };
}
