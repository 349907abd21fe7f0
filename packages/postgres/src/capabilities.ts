import { v3Capabilities, type RequestLimits } from '@holdfast/adapter-kit';
import type { Capabilities } from '@holdfast/store';

/** An entry of a B-tree index takes 2,704 bytes, and the key shares it with a revision. */
export const MAX_KEY_BYTES = 2_048;

/** Everything that etcd v3 can do. */
export function postgresCapabilities(limits: RequestLimits): Capabilities {
  // Every read asks the primary, and never a standby: none is ever stale.
  return { ...v3Capabilities(limits), maxKeyBytes: MAX_KEY_BYTES };
}
