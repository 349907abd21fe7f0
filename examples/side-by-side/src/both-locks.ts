import { setTimeout as sleep } from 'node:timers/promises';
import type { Held, Session } from '@holdfast/coordination';
import { StoreError, type CallOptions } from '@holdfast/store';
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
  const wait = boundedWait(name, options);
  return session.withLock(
    name,
    async (held) => {
      // Twice as long as the session: when the network fails, `held.signal` aborts well before this lock can be another's.
      const old = await acquired(
        () => locks.lock(name).ttl(2 * session.ttl),
        () => {
          held.check();
          wait.check();
        },
      );
      try {
        return await work(held);
      } finally {
        await old.release();
      }
    },
    options,
  );
}

/** The time and the signal of `options`, for the wait for `etcd3`'s lock too. `check()` throws the StoreError that Holdfast's calls end with. */
function boundedWait(name: string, { timeoutMs, signal }: CallOptions): { check(): void } {
  const late = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const what = `the lock ${JSON.stringify(name)} of etcd3`;
  return {
    check: () => {
      if (signal?.aborted === true) {
        throw new StoreError('aborted', `waiting for ${what} was aborted by its signal`, { cause: signal.reason });
      }
      if (late?.aborted === true) throw new StoreError('timeout', `${what}: not within ${timeoutMs} ms (timeoutMs)`);
    },
  };
}

/** `etcd3` rejects at once where somebody has the lock, so this asks again. A lock of `etcd3` can be acquired once. */
async function acquired(lock: () => Lock, check: () => void): Promise<Lock> {
  for (;;) {
    check();
    try {
      return await lock().acquire();
    } catch (error) {
      if (!(error instanceof EtcdLockFailedError)) throw error;
    }
    check();
    await sleep(50 + Math.random() * 100);
  }
}
