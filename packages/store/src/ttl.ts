import { isStoreError, withOutcome } from './errors.js';
import type { DriverCall, DriverLeases, DriverPutOptions } from './driver.js';
import type { GuardedPutResult, PutResult } from './options.js';

/**
 * A put with a time to live, on a store that has leases (C8). A lease is granted for this put alone. If the put is certainly
 * not applied, the lease is revoked. If that is unknown, the lease is left to expire: a revoke might delete the key.
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
    // Whether or not the lease was granted, the put itself was never sent.
    throw isStoreError(error) ? withOutcome(error, 'not-applied') : error;
  });
  // The caller's own limits may have ended the put. Only the end of the store ends the clean-up.
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
