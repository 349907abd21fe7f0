import { isStoreError, StoreError, type ConfigStore } from '@holdfast/store';
import { checkStorableKey, checkStorableValue, encodeUtf8 } from '@holdfast/store/adapter';
import { quoted } from '../text/inline.js';

/** How many refusals are told at once. */
const SHOWN = 5;

/**
 * Checks before anything is sent that the store takes all keys and values: one that it does not take would stop the work half-way.
 *
 * @throws StoreError that names the first of them
 */
export function checkStorable({ capabilities, name }: ConfigStore, wanted: ReadonlyMap<string, Uint8Array>): void {
  const refusals = [...wanted].flatMap(([key, value]) => {
    try {
      checkStorableKey(key, capabilities);
      checkStorableValue(value, capabilities, key);
      checkRequest(key, value, capabilities.maxRequestBytes);
      return [];
    } catch (error) {
      if (!isStoreError(error)) throw error;
      return [error];
    }
  });
  const [first] = refusals;
  if (first === undefined) return;
  const messages = refusals.slice(0, SHOWN).map(({ message }) => message);
  const more = refusals.length > SHOWN ? [`and ${refusals.length - SHOWN} more`] : [];
  throw new StoreError(
    first.code,
    `nothing was changed: ${name} does not take what is to be written: ${[...messages, ...more].join('; ')}`,
    { outcome: 'not-applied' },
  );
}

/** A key that fits in no request would stop the work half-way too. */
function checkRequest(key: string, value: Uint8Array, most: number | undefined): void {
  const bytes = encodeUtf8(key).length + value.length;
  if (most === undefined || bytes <= most) return;
  throw new StoreError(
    'too-large',
    `the key ${quoted(key)} and its value have ${bytes} bytes, and a request has ${most}`,
  );
}
