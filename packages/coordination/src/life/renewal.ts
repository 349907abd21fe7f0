import { isStoreError, StoreError, type ConfigStore, type Lease } from '@holdfast/store';
import { Backoff, sleep, withDeadline } from '@holdfast/store/adapter';
import { sessionLost } from '../errors.js';
import { Elapsed, type SessionClock } from '../util/elapsed.js';
import type { Lifetime } from './lifetime.js';

export interface RenewalOptions {
  readonly store: ConfigStore;
  readonly lease: Lease;
  readonly life: Lifetime;
  readonly clock: SessionClock;
  readonly random: () => number;
  /** Called after each renewal that was confirmed. */
  readonly onRenewed: () => void;
}

/** A lease is renewed at each quarter of its time: two renewals may fail before it can't be counted on any more. */
const PARTS = 4;

/**
 * Keeps a lease alive until the session is over. It never rejects: a session that can't be renewed ends by its clock. Only the
 * answer that there is no such lease, and the end of the store, end it at once.
 */
export async function renew({ store, lease, life, clock, random, onRenewed }: RenewalOptions): Promise<void> {
  let partMs = partOf(lease.ttl);
  const elapsed = new Elapsed(clock);
  const backoff = new Backoff({ initialMs: partMs / 16, maxMs: partMs / 8, random });
  const { signal } = life;
  let pauseMs = partMs;
  while (life.reason === undefined) {
    try {
      await sleep(clock, pauseMs, signal);
      const sentAt = elapsed.now();
      // One that hangs, on a half-open connection or at a member without a leader, must not hold up the next one.
      const ms = partMs;
      const late = () => new StoreError('timeout', `the lease was not renewed within ${ms} ms`);
      const { ttl } = await withDeadline({ clock, ms, signal, late }, (deadline) =>
        store.leases.keepAlive(lease.id, { signal: deadline.signal }),
      );
      life.renewed(sentAt, ttl);
      onRenewed();
      backoff.reset();
      partMs = partOf(ttl);
      pauseMs = partMs;
    } catch (error) {
      if (isStoreError(error, 'lease-not-found'))
        life.end(sessionLost(`lease ${lease.id} of the session is gone`, error));
      if (isStoreError(error, 'closed')) life.end(sessionLost('the store of the session was closed', error));
      life.notRenewed(error);
      pauseMs = backoff.next();
    }
  }
}

/** @param ttl in seconds, as granted last */
function partOf(ttl: number): number {
  return (ttl * 1_000) / PARTS;
}
