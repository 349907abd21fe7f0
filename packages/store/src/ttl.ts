import { isStoreError, withOutcome } from './errors.js';
import type { DriverCall, DriverLeases, DriverPutOptions } from './driver.js';
import type { GuardedPutResult, PutResult } from './options.js';

/**
 * A put with a time to live, on a store that has leases instead (C8): a lease is granted for this put alone. If the put
 * is certainly not applied the lease is revoked; if that is unknown it is left, since a revoke would delete the key that
 * may be there, and expires by itself.
 */
export async function putWithTtl(
  leases: DriverLeases,
  ttl: number,
  options: DriverPutOptions,
  put: (options: DriverPutOptions, call: DriverCall) => Promise<PutResult | GuardedPutResult>,
  call: DriverCall,
  closing: AbortSignal,
): Promise<PutResult | GuardedPutResult> {
  const lease = await leases.grant(ttl, undefined, call).catch((error: unknown) => {
    // Whatever became of the grant, the put itself was never sent.
    throw isStoreError(error) ? withOutcome(error, 'not-applied') : error;
  });
  // The caller's own limits may be what ended the put; the clean-up only ends with the store.
  const revoke = () => leases.revoke(lease.id, { signal: closing }).catch(() => undefined);
  let result: PutResult | GuardedPutResult;
  try {
    result = await put({ ...options, lease: lease.id }, call);
  } catch (error) {
    if (isStoreError(error) && error.outcome === 'not-applied') await revoke();
    throw error;
  }
  if ('succeeded' in result && !result.succeeded) {
    await revoke();
    return result;
  }
  return { ...result, ttl: lease.ttl, lease: lease.id };
}
