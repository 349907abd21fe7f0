// Coordinators on a real server, with broken implementations of sessions, locks and elections: each checker finds what it is for.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { observeLeader, openSession } from '@holdfast/coordination';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { StoreError, type ConfigStore } from '@holdfast/store';
import { eventually, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import { override } from '../../../.ci/test/support/override.js';
import type { CoordinationOptions } from '../src/coordination/coordination.js';
import { holdfast, v3Ground, type Ground } from '../src/coordination/ground.js';
import { V3Api, v3Outside } from '../src/outside.js';
import { holders, naive, sessions, surviving, withToken } from './broken-coordinators.js';
import {
  calm,
  findings as findingsOn,
  isTested,
  LONG_MS,
  PATIENCE_MS,
  silence,
  SOON,
  type Scenario,
} from './scenario.js';

/** Nobody is lost because the machine is busy. */
const SAFE = [60, 60, 60];

let etcd: Etcd;
let proxy: Proxy;
let direct: ConfigStore;
let tested: ConfigStore;
const grounds: Ground[] = [];

beforeAll(async () => {
  etcd = await startEtcd();
  proxy = await startProxy(etcd.endpoints[0]!);
  direct = etcdV3Store({ endpoints: etcd.endpoints });
  tested = etcdV3Store({ endpoints: [proxy.endpoint], keepalive: { intervalMs: 5_000, timeoutMs: 1_000 } });
});

afterAll(async () => {
  for (const { truth } of grounds) await truth.quiet();
  await tested?.close();
  await direct?.close();
  await proxy?.close();
  await etcd?.close();
});

/** Everybody on the store under test waits for something. */
const waiting: Scenario = async (coordination) => {
  await eventually(() => coordination.waiting.filter((who) => who !== 'competitor').length === 3, SOON);
};

/** Somebody on the store under test writes under what the competitor has written under before. On a busy machine that takes a while. */
const contested: Scenario = async ({ tape }) => {
  await eventually(() => {
    const written = new Set<string>();
    return tape.moments.some(({ grip, what }) => {
      if (what !== 'write') return false;
      if (!isTested(grip)) written.add(grip.name);
      return isTested(grip) && written.has(grip.name);
    });
  }, SOON);
};

/** An operator deletes all keys, while somebody on the store under test holds one. */
const deleted: Scenario = async ({ tape }, { prefix, direct: store }) => {
  await eventually(() => tape.open.some(isTested), SOON);
  await store.delete({ prefix });
};

/** The store is restored from a backup, by another token. */
const restored: Scenario = async (coordination, { truth }) => {
  const snapshot = await etcd.snapshot();
  await coordination.pause();
  await truth.catchUp();
  await etcd.restore(snapshot);
  await truth.begin();
  coordination.resume();
};

interface Broken extends CoordinationOptions {
  readonly what: string;
  readonly guarantee: string;
  readonly scenario: Scenario;
}

async function findings(options: CoordinationOptions, scenario: Scenario): Promise<readonly string[]> {
  const api = new V3Api(etcd);
  const ground = v3Ground({
    prefix: `/c${String.fromCharCode(97 + grounds.length)}/`,
    tested,
    direct,
    api,
    outside: v3Outside(etcd, api),
    endpoints: () => etcd.endpoints,
  });
  grounds.push(ground);
  return findingsOn(ground, grounds.length, options, scenario);
}

const refused = () => Promise.reject(new StoreError('conflict', 'no'));

const quietly: readonly Broken[] = [
  {
    what: 'a token that does not grow',
    guarantee: 'fenced',
    scenario: contested,
    implementation: withToken(() => 1),
  },
  {
    what: 'tokens that shrink',
    guarantee: 'order',
    scenario: calm,
    implementation: withToken((revision) => 1_000_000 - revision),
  },
  {
    what: 'a token of a key that never was the first',
    guarantee: 'phantom',
    scenario: calm,
    implementation: withToken((revision) => revision + 1_000_000),
  },
  {
    what: 'an observer that misses some leaders, and tells of no gap',
    guarantee: 'observed',
    scenario: calm,
    implementation: {
      ...holdfast,
      observeLeader: async function* (...args) {
        let n = 0;
        for await (const leader of observeLeader(...args)) if ((n += 1) % 3 !== 0) yield leader;
      },
    },
  },
  {
    what: 'waiters that nobody wakes',
    guarantee: 'served',
    scenario: waiting,
    implementation: {
      ...holdfast,
      openSession: (store, options) =>
        openSession(
          override(store, {
            watch: (range, own) => store.watch(own?.only === 'delete' ? '/nowhere' : range, own),
          }),
          options,
        ),
    },
  },
  {
    what: 'a call that was given up, and leaves a key without a lease',
    guarantee: 'left',
    scenario: calm,
    implementation: sessions((session, store) => ({
      lock: async (name, options) => {
        await store.put(`${name}.given-up-for-ever`, '');
        return session.lock(name, options);
      },
    })),
  },
  {
    what: 'a call that ends for no reason',
    guarantee: 'outcome',
    scenario: calm,
    // Both: on a busy machine no process may come to try one of them.
    implementation: sessions(() => ({ lock: refused, tryLock: refused })),
  },
  {
    what: 'a holder that is not told when its key is deleted',
    guarantee: 'told',
    scenario: deleted,
    holdMs: LONG_MS,
    implementation: holders((held, session) =>
      override(held, {
        signal: session.signal,
        check: () => {
          session.check();
        },
      } as Partial<typeof held>),
    ),
  },
];

describe('every checker of coordinators finds what it is for', () => {
  test('where nothing happens', async () => {
    const missed = await Promise.all(
      quietly.map(async ({ what, guarantee, scenario, ...options }) => {
        const found = await findings({ ttls: SAFE, patienceMs: PATIENCE_MS, ...options }, scenario).catch(
          (error: unknown) => [String(error)],
        );
        const isFound = found.some((finding) => finding.startsWith(`${guarantee}: `));
        return isFound ? [] : [{ what, guarantee, found: found.slice(0, 5) }];
      }),
    );
    expect(missed.flat()).toEqual([]);
  });

  test('a lock without a look at its lease, behind a network that falls silent', async () => {
    const found = await findings({ patienceMs: PATIENCE_MS, holdMs: LONG_MS, implementation: naive }, silence(proxy));
    expect(found.join('\n')).toMatch(/exclusive: .* held the lock before process \d #\d+ was told that it had lost it/);
  });

  test('a session that survives the restore of a backup', async () => {
    const found = await findings({ patienceMs: PATIENCE_MS, implementation: surviving }, restored);
    expect(found.join('\n')).toMatch(/gone: process \d has a session of a history that is gone/);
  });
});

describe('Holdfast’s own', () => {
  test.each([
    ['the network falls silent', (...args: Parameters<Scenario>) => silence(proxy)(...args)],
    ['the store is restored from a backup', restored],
  ])('keeps all promises when %s', async (_, scenario) => {
    expect(await findings({}, scenario)).toEqual([]);
  });
});
