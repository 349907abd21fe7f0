import { setTimeout as sleep } from 'node:timers/promises';
import type { Held, Session } from '@holdfast/coordination';
import type { CallOptions } from '@holdfast/store';
import { EtcdLockFailedError, type Lock } from 'etcd3';

/** What has `lock()`: a client of `etcd3`, or a namespace of one. */
export interface Etcd3Locks {
  lock(key: string): Lock;
}

/**
 * Runs `work` while nobody else has the lock: neither a process that takes `etcd3`'s, nor one that takes Holdfast's. For the time in which
 * processes of both kinds run. Holdfast's comes first, since its waiters stand in a queue: only the first of them asks for the other lock.
 *
 * The session must work on the keys that `locks` works on: `withPrefix(store, '/shop/')` where that is `namespace('/shop/')`. Old processes
 * may keep the lock from new ones for as long as they like, as `etcd3` has no queue: `options` bound that wait, too.
 *
 * @throws StoreError as `session.withLock()`; what `etcd3` throws if it can't reach the server
 */
export async function withBothLocks<T>(
  locks: Etcd3Locks,
  session: Session,
  name: string,
  work: (held: Held) => T | PromiseLike<T>,
  options: CallOptions = {},
): Promise<T> {
  const { timeoutMs, signal } = options;
  const bounds = [signal, timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)];
  const waiting = AbortSignal.any(bounds.filter((bound) => bound !== undefined));
  return session.withLock(
    name,
    async (held) => {
      // Twice as long as the session: when the network fails, `held.signal` aborts well before this lock can be another's.
      const old = await acquired(() => locks.lock(name).ttl(2 * session.ttl), AbortSignal.any([held.signal, waiting]));
      try {
        return await work(held);
      } finally {
        await old.release();
      }
    },
    options,
  );
}

/** `etcd3` rejects at once where somebody has the lock, so this asks again. A lock of `etcd3` can be acquired once. */
async function acquired(lock: () => Lock, signal: AbortSignal): Promise<Lock> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await lock().acquire();
    } catch (error) {
      if (!(error instanceof EtcdLockFailedError)) throw error;
    }
    await sleep(50 + Math.random() * 100, undefined, { signal });
  }
}
