import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { isStoreError, type ConfigStore } from '@holdfast/store';
import { availableEtcds, findEtcd, eventually, startEtcd, type Etcd, type EtcdMember } from '@holdfast/testkit';
import { etcdV3Store } from '@holdfast/etcd-v3';

// The main version, and the one that differs most.
describe.each([findEtcd({}), ...availableEtcds().slice(1).slice(-1)])(
  'three members of etcd $version',
  ({ version }) => {
    let etcd: Etcd;
    let store: ConfigStore;

    beforeAll(async () => {
      etcd = await startEtcd({ version, nodes: 3 });
    });
    afterAll(() => etcd.close());
    afterEach(() => store.close());

    const connect = (): ConfigStore => {
      store = etcdV3Store({
        endpoints: etcd.endpoints,
        random: () => 0,
        timeouts: { connectMs: 10_000 },
        keepalive: { intervalMs: 5_000, timeoutMs: 1_000 },
      });
      return store;
    };

    /** Writes a counter until told to stop, and says how many writes succeeded, and of how many nobody knows. */
    const count = (key: string): { stop(): Promise<{ succeeded: number; unknown: number }> } => {
      let running = true;
      const counted = { succeeded: 0, unknown: 0 };
      const loop = (async () => {
        while (running) {
          try {
            await store.put(key, String(counted.succeeded), { timeoutMs: 20_000 });
            counted.succeeded += 1;
          } catch (error) {
            if (!isStoreError(error)) throw error;
            // A test that failed has closed the store, and tells nobody to stop.
            if (error.code === 'closed') return;
            if (error.outcome !== 'not-applied') counted.unknown += 1;
          }
        }
      })();
      return {
        stop: async () => {
          running = false;
          await loop;
          return counted;
        },
      };
    };

    const memberAt = (endpoint: string | undefined): EtcdMember => {
      const member = etcd.members.find((each) => each.endpoint === endpoint);
      if (member === undefined) throw new Error(`no member at ${String(endpoint)}`);
      return member;
    };

    test.each(['the connected member', 'the leader'])('%s is killed: no write is applied twice', async (which) => {
      connect();
      const key = `/counter/${which}`;
      await store.put(key, 'first');
      const counter = count(key);
      const victim = which === 'the leader' ? await etcd.leader() : memberAt((await store.status()).endpoint);
      await eventually(async () => ((await store.get(key))?.version ?? 0) > 50);
      await victim.kill();
      const after = (await store.get(key))?.version ?? 0;
      await eventually(async () => ((await store.get(key))?.version ?? 0) > after + 50);
      const { succeeded, unknown } = await counter.stop();
      const version = (await store.get(key))?.version ?? 0;
      // The first put is one more; each write that nobody knows of was applied once or not at all.
      expect(version).toBeGreaterThanOrEqual(succeeded + 1);
      expect(version).toBeLessThanOrEqual(succeeded + unknown + 1);
      expect((await store.status()).endpoint).not.toBe(which === 'the leader' ? undefined : victim.endpoint);
      await victim.start();
    });

    test('a store that was given one endpoint learns of the others on request', async () => {
      const only = etcdV3Store({ endpoints: etcd.endpoints.slice(0, 1) });
      store = only;
      expect(await only.refreshEndpoints()).toEqual(expect.arrayContaining([...etcd.endpoints]));
      expect(await only.refreshEndpoints()).toHaveLength(3);
      await only.put('/members', 'x');
      await memberAt(etcd.endpoints[0]).kill();
      expect(await only.get('/members')).toMatchObject({ key: '/members' });
      await memberAt(etcd.endpoints[0]).start();
    });

    test('two of three are killed: an outage, never an absence, and it passes', async () => {
      connect();
      await store.put('/quorum', 'x');
      const [one, two, three] = etcd.members as [EtcdMember, EtcdMember, EtcdMember];
      await one.kill();
      await two.kill();
      const error = await store.get('/quorum', { timeoutMs: 1_500 }).catch((caught: unknown) => caught);
      expect(isStoreError(error) && error.retryable).toBe(true);
      // The one that is left still answers who does not ask for more than it knows by itself.
      expect(await store.get('/quorum', { consistency: 'serializable' })).toMatchObject({ key: '/quorum' });
      expect((await store.status()).endpoint).toBe(three.endpoint);
      await Promise.all([one.start(), two.start()]);
      await eventually(() => store.put('/quorum', 'y', { ifPresent: true, timeoutMs: 5_000 }));
    });

    test('a member that is frozen holds a read up no longer than its keepalive', async () => {
      connect();
      await store.put('/frozen', 'x');
      const frozen = memberAt((await store.status()).endpoint);
      frozen.pause();
      try {
        expect(await store.get('/frozen')).toMatchObject({ key: '/frozen' });
        expect((await store.status()).endpoint).not.toBe(frozen.endpoint);
      } finally {
        frozen.resume();
      }
    });
  },
);
