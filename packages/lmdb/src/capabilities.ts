import { v3Capabilities, type RequestLimits } from '@holdfast/adapter-kit';
import type { Capabilities } from '@holdfast/store';

/**
 * LMDB's own limit is 1,978 bytes. Some tables hold a key with up to ten bytes beside it, and later formats may need a few more.
 */
export const MAX_KEY_BYTES = 1_900;

/** The store's capabilities: everything that etcd v3 can do. */
export function lmdbCapabilities(limits: RequestLimits): Capabilities {
  // Every read sees all that was committed, by any process: none is ever stale.
  return { ...v3Capabilities(limits), maxKeyBytes: MAX_KEY_BYTES };
}
