import type { Bookmark } from '@holdfast/store';
import { sleep, toStoreError } from '@holdfast/store/adapter';
import { readHead } from '../reads/read-head.js';
import { isStoreClosed } from '../runtime/errors.js';
import type { Runtime } from '../runtime/runtime.js';
import { isOtherOrOlder } from '../table/history.js';

/** How many answers in a row must tell of another history, and how many milliseconds at least are between two of them. */
const ANSWERS = 4;
const BETWEEN_MS = 1_000;

/**
 * While a saved copy is shown, a store of another identity, or one that is behind the copy, is not believed at once: a member that was
 * bootstrapped anew, or a wiped store, must not empty a fleet that restarts. It counts once several answers over some seconds all tell the
 * same other history, and none the one of the copy.
 *
 * @returns `'other'`, or `'same'` as soon as an answer continues the copy
 * @throws StoreError when the mirror or its store closes
 */
export async function confirmOther(runtime: Runtime, known: Bookmark): Promise<'other' | 'same'> {
  const { clock, random, logger } = runtime.settings;
  const { signal } = runtime;
  let told = { identity: '', revision: 0, answers: 0 };
  for (;;) {
    try {
      const head = await readHead(runtime, signal);
      if (!isOtherOrOlder(head, known)) return 'same';
      const continues = told.identity === head.identity && head.revision >= told.revision;
      told = { ...head, answers: continues ? told.answers + 1 : 1 };
      if (told.answers === 1) {
        logger.warn(
          `the store is at revision ${head.revision} of history ${head.identity}, and the snapshot at revision ${known.revision} of ${known.identity}: the snapshot is shown until that is certain`,
        );
      }
      if (told.answers >= ANSWERS) return 'other';
    } catch (error) {
      const cause = toStoreError(error);
      if (signal.aborted || isStoreClosed(cause)) throw cause;
      runtime.noteTrouble(cause);
    }
    // Timed by these pauses alone: the clock may be set meanwhile.
    await sleep(clock, BETWEEN_MS * (1 + random() / 4), signal);
  }
}
