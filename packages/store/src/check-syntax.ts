import { quoted } from './excerpt.js';
import { checkKey, decodeUtf8, encodeUtf8 } from './bytes.js';
import type { Capabilities } from './capabilities.js';
import { invalid } from './check-options.js';
import type { DriverGuard } from './driver.js';
import { StoreError } from './errors.js';

/**
 * Checks that this backend stores the key unchanged (C1 in `docs/contract.md`). A `'path'` backend (etcd v2) cleans paths, and
 * hides segments that begin with `_`. Keys that it would change or hide are refused: reading them back would give another key,
 * or none.
 */
export function checkStorableKey(key: unknown, capabilities: Capabilities): string {
  checkKey(key);
  checkKeyLength(key, capabilities);
  if (capabilities.keySyntax === 'any') return key;
  const refuse = (why: string) =>
    invalid(
      `key ${quoted(key)} ${why}, which this store would change or hide; keys here are paths such as /app/routes/r1`,
    );
  if (!key.startsWith('/')) throw refuse('has no leading /');
  if (key === '/') throw refuse('is the root directory');
  if (key.endsWith('/')) throw refuse('ends with /');
  for (const segment of key.slice(1).split('/')) {
    if (segment === '') throw refuse('has an empty segment (//)');
    if (segment === '.' || segment === '..') throw refuse(`has a ${segment} segment`);
    if (segment.startsWith('_')) throw refuse('has a hidden segment (beginning with _)');
  }
  return key;
}

function checkKeyLength(key: string, { maxKeyBytes }: Capabilities): void {
  if (maxKeyBytes === undefined) return;
  const bytes = encodeUtf8(key).length;
  if (bytes <= maxKeyBytes) return;
  throw new StoreError(
    'too-large',
    `key ${quoted(key)} has ${bytes} bytes, and this store takes keys of ${maxKeyBytes} (see its capabilities.maxKeyBytes); shorten it`,
    { outcome: 'not-applied' },
  );
}

/** Checks that this backend can compare with the value: with one that a key can have. */
export function checkComparableValue(value: Uint8Array, capabilities: Capabilities, what: string): Uint8Array {
  const most = capabilities.maxValueBytes;
  if (most !== undefined && value.length > most) {
    throw new StoreError(
      'too-large',
      `${what} has ${value.length} bytes, and this store takes values of ${most} (see its capabilities.maxValueBytes): no key can have it; compare the revision`,
      { outcome: 'not-applied' },
    );
  }
  if (!capabilities.binaryValues && decodeUtf8(value) === undefined) {
    throw new StoreError(
      'invalid-argument',
      `${what} is not valid UTF-8, and this store keeps text only: no key can have it; compare with encoded text (base64, say)`,
      { outcome: 'not-applied' },
    );
  }
  return value;
}

export function checkComparableGuard(
  guard: DriverGuard | undefined,
  capabilities: Capabilities,
): DriverGuard | undefined {
  if (guard?.kind === 'value') checkComparableValue(guard.value, capabilities, 'ifValue');
  return guard;
}

/** Checks that this backend stores the value unchanged. */
export function checkStorableValue(value: Uint8Array, capabilities: Capabilities, key: string): Uint8Array {
  const most = capabilities.maxValueBytes;
  if (most !== undefined && value.length > most) {
    throw new StoreError(
      'too-large',
      `the value for ${quoted(key)} has ${value.length} bytes, and this store takes values of ${most} (see its capabilities.maxValueBytes); split it`,
      { outcome: 'not-applied' },
    );
  }
  if (!capabilities.binaryValues && decodeUtf8(value) === undefined) {
    throw new StoreError(
      'invalid-argument',
      `the value for ${quoted(key)} is not valid UTF-8, and this store keeps text only; encode it (base64, say)`,
      { outcome: 'not-applied' },
    );
  }
  return value;
}
