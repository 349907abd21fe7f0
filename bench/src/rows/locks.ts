import { LOCK_METRICS, lockRound } from '../harness/lock-round.js';
import { goLockSide, lockSide } from '../harness/lock-side.js';
import type { Goal, Row } from '../harness/row.js';
import { etcd3Locks, holdfastLocks, http2Locks } from '../peers/lock-peers.js';

const against = (peer: string, limit: number): Goal => ({
  what: 'lock and unlock, nobody else wants it',
  ours: { side: 'holdfast', metric: 'pairUs' },
  kind: 'ratio',
  peer: { side: peer, metric: 'pairUs' },
  limit,
});

const atMost = (what: string, metric: string, limit: number): Goal => ({
  what,
  ours: { side: 'holdfast', metric },
  kind: 'at-most',
  limit,
});

export const row: Row = {
  name: 'locks',
  title: 'Locks',
  about:
    "A lock that nobody else wants is taken and given away again and again. The sides take turns at one server, a few hundred pairs each time. Go's Mutex needs two calls for it, and so does Holdfast; the floor is these two calls on `node:http2`, with nothing above: no client in Node can be faster. After that, one holds the lock and others wait for it, each with a session of its own; then it is given away, and each gives it to the next at once. `etcd3` has no queue: its waiters would ask again and again.",
  server: 'etcd',
  ours: ['holdfast'],
  optional: ['go'],
  sides: {
    holdfast: lockSide('session.lock(), held.release()', holdfastLocks),
    etcd3: lockSide('etcd3 lock().acquire(), release()', etcd3Locks),
    go: goLockSide,
    http2: lockSide('node:http2: the two calls of the Go Mutex', http2Locks),
  },
  metrics: LOCK_METRICS,
  goals: [
    against('etcd3', 1),
    against('http2', 1.15),
    against('go', 1.25),
    atMost('requests to lock and unlock', 'requests', 2),
    atMost('watches of one who waits', 'watchesEach', 1),
    atMost('served out of order', 'outOfOrder', 0),
  ],
  async start(bench) {
    const etcd = await bench.etcd();
    return () => lockRound(bench, etcd);
  },
};
