import { openSession, type Session } from '@holdfast/coordination';
import { encodeDelete, encodeGrant, encodeLock } from '../data/wire.js';
import { connectEtcd3 } from './etcd3.js';
import { openHoldfast } from './holdfast.js';
import { Http2Peer, messageOf } from './http2.js';

/** What became of those who waited. */
export interface Served {
  readonly ms: number;
  /** How many were served after one that had come later. */
  readonly outOfOrder: number;
}

/** Waiters of a lock that is held: all of them stand in its queue as soon as the server has their watches. */
export interface LockQueue {
  /** Gives the lock away, and resolves when each waiter has had it and given it away. */
  serve(): Promise<Served>;
}

/** A client that takes a lock which nobody else wants. */
export interface LockPeer {
  /** Takes the lock, and gives it away. */
  pair(): Promise<unknown>;
  /** Of those whose waiters stand in a queue. */
  readonly queue?: (waiters: number) => Promise<LockQueue>;
}

/** A row takes no longer: no session is renewed meanwhile. */
const TTL = 600;

/** How many of these come after a larger one. */
export function outOfOrder(revisions: readonly number[]): number {
  return revisions.filter((revision, index) => revision < Math.max(0, ...revisions.slice(0, index))).length;
}

export async function holdfastLocks(endpoint: string, name: string): Promise<LockPeer> {
  const store = await openHoldfast(endpoint);
  const session = await openSession(store, { ttl: TTL });
  return {
    pair: async () => {
      const held = await session.lock(name);
      await held.release();
    },
    queue: async (count) => {
      const first = await session.lock(`${name}-queue`);
      const sessions = await Promise.all(Array.from({ length: count }, () => openSession(store, { ttl: TTL })));
      const served: number[] = [];
      const waiting = sessions.map((each) => wait(each, `${name}-queue`, served));
      return {
        serve: async () => {
          const began = performance.now();
          await first.release();
          await Promise.all(waiting);
          return { ms: performance.now() - began, outOfOrder: outOfOrder(served) };
        },
      };
    },
  };
}

async function wait(session: Session, name: string, served: number[]): Promise<void> {
  const held = await session.lock(name);
  served.push(held.token.revision);
  await held.release();
}

/** The lock of `etcd3`: a lease for each, and no queue. */
export async function etcd3Locks(endpoint: string, name: string): Promise<LockPeer> {
  const client = await connectEtcd3(endpoint);
  return {
    pair: async () => {
      const lock = await client.lock(name).ttl(TTL).acquire();
      await lock.release();
    },
  };
}

/** The two calls by which Go's Mutex takes a lock and gives it away, with nothing above `node:http2`: what no client in Node can beat. */
export async function http2Locks(endpoint: string, name: string): Promise<LockPeer> {
  const peer = await Http2Peer.connect(endpoint);
  const lease = Date.now();
  await peer.unary('Lease/LeaseGrant', encodeGrant(lease, TTL));
  const key = `${name}/${lease.toString(16)}`;
  const [lock, unlock] = [encodeLock(name, key, lease), encodeDelete(key)];
  return {
    pair: async () => {
      const taken = messageOf(await peer.unary('KV/Txn', lock));
      const given = messageOf(await peer.unary('KV/DeleteRange', unlock));
      if (taken.length === 0 || given.length === 0) throw new Error('etcd refused a lock');
    },
  };
}
