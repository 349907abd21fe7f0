import type { ListResult, Revision } from '@holdfast/store';
import type { Core } from '../runtime/runtime.js';
import { FINGERPRINT_READ } from '../table/fingerprint.js';
import { checkList } from '../util/answers.js';

/**
 * The newest entry of the mirror's range, and the number of its keys: at the store's head, or at a past revision.
 *
 * @param what names the read in the error of a time-out
 */
export async function readFingerprint(
  core: Core,
  what: string,
  signal: AbortSignal,
  revision?: Revision,
): Promise<ListResult> {
  const { range } = core.settings;
  const read = await core.read(what, core.readTimeoutMs, signal, (deadline) =>
    core.store.list(range.toRange(), {
      ...FINGERPRINT_READ,
      ...(revision === undefined ? {} : { revision }),
      signal: deadline.signal,
    }),
  );
  return checkList(range, read);
}
