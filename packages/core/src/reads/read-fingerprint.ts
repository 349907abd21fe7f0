import type { ListResult, Revision } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';
import { FINGERPRINT_READ } from '../table/fingerprint.js';
import { checkList } from '../util/answers.js';

/**
 * Reads the newest entry of the mirror's range and the number of keys, at the store's head or at a past revision.
 *
 * @param what names the read in the error of a time-out
 */
export async function readFingerprint(
  runtime: Runtime,
  what: string,
  signal: AbortSignal,
  revision?: Revision,
): Promise<ListResult> {
  const { range } = runtime.settings;
  const read = await runtime.read(what, runtime.readTimeoutMs, signal, (deadline) =>
    runtime.store.list(range.toRange(), {
      ...FINGERPRINT_READ,
      ...(revision === undefined ? {} : { revision }),
      signal: deadline.signal,
    }),
  );
  return checkList(range, read);
}
