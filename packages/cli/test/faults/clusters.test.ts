// Members of a cluster that die while somebody writes: a mirror on etcd v3, and one on etcd v2 where the server has it, end equal and live,
// and no write is applied twice. On the main version, and on the one that differs most.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { etcdV2Store, type EtcdV2Options } from '@holdfast/etcd-v2';
import { etcdV3Store, type EtcdV3Options } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import type { ConfigStore } from '@holdfast/store';
import {
  availableEtcds,
  eventually,
  findEtcd,
  servesV2,
  startEtcd,
  startProxy,
  type Etcd,
  type EtcdMember,
  type Proxy,
} from '@holdfast/testkit';
import { Counter, v2History, v3History } from './counter.js';
import { callV2, v2Outside, v3Outside, type Outside } from './outside.js';
import { WatchedMirror } from './watched-mirror.js';
import { burst } from './writers.js';

const SOON = { timeoutMs: 30_000 };
const LIVENESS_MS = 3_000;

type StoreOptions = EtcdV2Options & EtcdV3Options;

/** A mirror, and a writer with a store of its own, on one of the two APIs. */
interface Side {
  readonly watched: WatchedMirror;
  readonly counter: Counter;
  /** The numbers that the counter's key has had, in order. */
  applied(survivor: EtcdMember): Promise<readonly number[]>;
  close(): Promise<void>;
}

interface Connected extends AsyncDisposable {
  readonly sides: readonly Side[];
  /** Between the writers and the member that they are connected to. */
  readonly proxy: Proxy;
}

describe.each([findEtcd({}), ...availableEtcds().slice(1).slice(-1)])(
  'three members of etcd $version',
  ({ version }) => {
    let etcd: Etcd;
    let round = 0;

    beforeAll(async () => {
      etcd = await startEtcd({ version, nodes: 3, enableV2: true });
    });
    afterAll(() => etcd.close());

    /** Mirrors and writers of each API, connected to this member for as long as it lives. */
    async function connect(first: EtcdMember): Promise<Connected> {
      const proxy = await startProxy(first.endpoint);
      const others = etcd.endpoints.filter((endpoint) => endpoint !== first.endpoint);
      const prefix = `/${(round += 1)}/`;
      const key = `${prefix}counter`;
      const open = async (
        openStore: (options: StoreOptions) => ConfigStore,
        outside: Outside,
        applied: Side['applied'],
      ): Promise<Side> => {
        const [store, writer] = [first.endpoint, proxy.endpoint].map((preferred) =>
          openStore({ endpoints: [preferred, ...others], random: () => 0, timeouts: { connectMs: 10_000 } }),
        ) as [ConfigStore, ConfigStore];
        await burst(writer, 20, (index) => `${prefix}${index}`);
        const watched = await WatchedMirror.open(store, outside, prefix, { livenessMs: LIVENESS_MS });
        await watched.settled();
        const counter = new Counter(writer, key);
        const close = async () => {
          await counter.stop();
          await watched.close();
          await Promise.all([store.close(), writer.close()]);
        };
        return { watched, counter, applied, close };
      };
      const v3 = () =>
        open(etcdV3Store, v3Outside(etcd), async () => {
          const { applied, version: writes } = await v3History(etcd, key);
          expect(applied).toHaveLength(writes);
          return applied;
        });
      const v2 = async () => {
        const { index } = await callV2(first.endpoint, 'GET', '/');
        return open(etcdV2Store, v2Outside(etcd), (survivor) => v2History(survivor, key, index + 1));
      };
      const sides: Side[] = [await v3()];
      if (servesV2(version)) sides.push(await v2());
      const close = async () => {
        await proxy.allow();
        await Promise.all(sides.map((side) => side.close()));
        await proxy.close();
      };
      return { sides, proxy, [Symbol.asyncDispose]: close };
    }

    /** From here on the writers get no answer, while what they send is applied: it was, once, when this returns. */
    async function loseAnswers({ sides, proxy }: Connected): Promise<void> {
      proxy.stall('toClient');
      const last = ({ counter, watched }: Side) =>
        Number(watched.mirror.get('counter')?.value) > (counter.acknowledged.at(-1) ?? 0);
      await eventually(() => sides.every(last), SOON);
    }

    const countsOn = async (sides: readonly Side[], more = 20) => {
      const before = sides.map(({ counter }) => counter.acknowledged.length);
      await eventually(() => sides.every(({ counter }, n) => counter.acknowledged.length >= before[n]! + more), SOON);
    };

    /** Ends the writing, and holds the mirrors and the histories against what they should be. */
    async function expectWhole(sides: readonly Side[], survivor: EtcdMember): Promise<void> {
      await Promise.all(sides.map(({ counter }) => counter.stop()));
      for (const side of sides) {
        const { watched, counter } = side;
        await watched.settled();
        const history = await side.applied(survivor);
        expect(counter.violations(history)).toEqual([]);
        expect(history.length).toBeGreaterThanOrEqual(50);
        expect(watched.mirror.get('counter')?.value).toBe(history.at(-1));
      }
    }

    async function leaderAndFollowers(): Promise<readonly [EtcdMember, EtcdMember, EtcdMember]> {
      const leader = await etcd.leader();
      const [one, two] = etcd.members.filter((member) => member !== leader);
      return [leader, one!, two!];
    }

    test.each([
      ['the connected member, a follower,', 'follower', 'follower'],
      ['the leader, which nobody is connected to,', 'follower', 'leader'],
      ['the connected member, which leads,', 'leader', 'leader'],
    ] as const)('%s is killed', async (_what, connected, killed) => {
      const [leader, follower, survivor] = await leaderAndFollowers();
      await using cluster = await connect(connected === 'leader' ? leader : follower);
      const { sides, proxy } = cluster;
      await countsOn(sides);
      const victim = killed === 'leader' ? leader : follower;
      expect((await victim.metric('etcd_debugging_mvcc_watcher_total')) > 0).toBe(connected === killed);
      if (connected === killed) {
        await loseAnswers(cluster);
        await victim.kill();
        proxy.refuse();
        proxy.cut();
      } else {
        await victim.kill();
      }
      await countsOn(sides);
      await victim.start();
      await proxy.allow();
      await countsOn(sides);
      await expectWhole(sides, survivor);
    });

    test('two of three are killed and brought back', async () => {
      const [leader, follower, survivor] = await leaderAndFollowers();
      await using cluster = await connect(follower);
      const { sides } = cluster;
      await countsOn(sides);
      await Promise.all([leader.kill(), follower.kill()]);
      for (const { watched } of sides) {
        // Nobody can say what there is now, and the mirror does not: it shows what it has, and that it is stale.
        await eventually(() => watched.mirror.state.status === 'stale', SOON);
        expect(watched.mirror.size).toBe(21);
      }
      await Promise.all([leader.start(), follower.start()]);
      await countsOn(sides, 30);
      await expectWhole(sides, survivor);
    });
  },
);

test('a write that was applied twice, is lost, or was applied though it was said to have failed, is found', async () => {
  await using store = memoryStore();
  const counter = new Counter(store, '/counter');
  await eventually(() => counter.acknowledged.length >= 3);
  await counter.stop();
  const written = counter.acknowledged;
  expect(counter.violations(written)).toEqual([]);
  expect(counter.violations([...written, 1])).toEqual(['1 was applied 2 times']);
  expect(counter.violations(written.slice(1))).toEqual(['0 is lost']);
  expect(counter.violations([...written, 1_000])).toEqual(['1000 was said to have failed']);
});
