// A load balancer's name before all members: a store has one endpoint, and many members behind it. It leaves a member that is
// in trouble by a new connection.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { isStoreError } from '@holdfast/store';
import {
  eventually,
  findEtcd,
  reservePort,
  startBalancer,
  startEtcd,
  type Balancer,
  type Etcd,
} from '@holdfast/testkit';
import { etcdV3Store, type EtcdV3Options, type EtcdV3Store } from '@holdfast/etcd-v3';
import { Follower } from './watch-world.js';
import { sampledEtcds } from '../../../.ci/test/support/sampled-etcds.js';
import { inBackground } from '../../../.ci/test/support/in-background.js';

describe.each(sampledEtcds())('a load balancer before three members of etcd $version', ({ version, etcd: binary }) => {
  let etcd: Etcd;
  let lb: Balancer;
  const open: { close(): unknown }[] = [];

  beforeAll(async () => {
    etcd = await startEtcd({ version, nodes: 3, links: true });
    lb = await startBalancer(etcd.endpoints);
  });
  afterAll(async () => {
    await lb.close();
    await etcd.close();
  });
  afterEach(async () => {
    for (const resource of open.splice(0).reverse()) await resource.close();
    lb.serve([0, 1, 2]);
  });

  const connect = (endpoint = lb.endpoint, options: Partial<EtcdV3Options> = {}): EtcdV3Store => {
    // A call may meet a back-off between two connections.
    const store = etcdV3Store({ endpoints: [endpoint], retry: { attempts: 10 }, ...options });
    open.push(store);
    return store;
  };
  /** The member that the store's calls go to. Behind one name a store asks others now and then, for moments. */
  const connected = (): Promise<number> =>
    eventually(() => {
      const members = [0, 1, 2].filter((member) => lb.connectionsTo(member) > 0);
      const [member] = members;
      if (member === undefined || members.length > 1) throw new Error(`connections to ${members.length} members`);
      return member;
    });
  /** Writes a counter, one call after the other, each with two seconds' time; tells how long the longest outage was. */
  const writing = (store: EtcdV3Store, key: string) => {
    let lastSuccess = Date.now();
    let longestMs = 0;
    let written = 0;
    const loop = inBackground(async (isOver) => {
      while (!isOver()) {
        try {
          await store.put(key, String(written), { timeoutMs: 2_000 });
          written += 1;
          lastSuccess = Date.now();
        } catch (error) {
          if (!isStoreError(error) || !error.retryable) throw error;
        }
        longestMs = Math.max(longestMs, Date.now() - lastSuccess);
      }
    });
    return {
      ...loop,
      written: () => written,
      sinceSuccess: () => Date.now() - lastSuccess,
      stop: async () => {
        await loop.stop();
        return longestMs;
      },
    };
  };

  test('the connected member is cut off from the others: calls and watches are back within seconds (trap 22)', async () => {
    const store = connect();
    await eventually(() => store.put('/cut/0', 'x', { timeoutMs: 2_000 }));
    const follower = new Follower(store.watch({ prefix: '/cut/' }));
    await follower.watch.ready;
    await using writes = writing(store, '/cut/counter');
    await eventually(() => writes.written() > 10);
    const member = await connected();
    etcd.links.isolate(member);
    try {
      // It goes on for longer than a member needs to notice, without the balancer's health checks.
      await eventually(() => writes.sinceSuccess() > 500);
      const before = writes.written();
      await eventually(() => writes.written() > before + 50, { timeoutMs: 30_000 });
      await eventually(() => lb.connectionsTo(member) === 0);
      await eventually(() => follower.watch.state.status === 'live');
      const { revision } = await eventually(() => store.put('/cut/1', 'x'));
      await eventually(() => follower.revisions.includes(revision));
      expect(follower.error).toBeUndefined();
      follower.check();
    } finally {
      etcd.links.heal();
    }
    expect(await writes.stop()).toBeLessThan(15_000);
  });

  // What follows is no matter of the version.
  if (version !== findEtcd({}).version) return;

  test('calls that time out on a member without a leader leave it, without a watch that tells them', async () => {
    const store = connect();
    await eventually(() => store.put('/quiet', 'x', { timeoutMs: 2_000 }));
    const member = await connected();
    etcd.links.isolate(member);
    try {
      await eventually(() => store.get('/quiet', { timeoutMs: 1_000 }));
      await eventually(() => store.put('/quiet', 'y', { timeoutMs: 1_000 }));
      await eventually(() => lb.connectionsTo(member) === 0);
    } finally {
      etcd.links.heal();
    }
  });

  test('a member that does not know a revision which the store has seen is left', async () => {
    const failures: string[] = [];
    const nothing = () => undefined;
    const logger = { debug: nothing, info: nothing, error: nothing, warn: (text: string) => failures.push(text) };
    lb.serve([0]);
    const store = connect(lb.endpoint, { logger });
    await eventually(() => store.put('/lag', 'x', { timeoutMs: 1_000 }));
    etcd.links.isolate(2);
    try {
      const { revision } = await eventually(() => store.put('/lag', 'y', { timeoutMs: 1_000 }));
      let isNext = true;
      lb.choose(() => {
        const place = isNext ? 2 : 0;
        isNext = false;
        return place;
      });
      lb.cut();
      await eventually(() => lb.connections === 0);
      const read = await store.get('/lag', { consistency: 'serializable', revision });
      expect(read).toMatchObject({ modRevision: revision });
      await eventually(() => lb.connectionsTo(2) === 0);
      expect(isNext).toBe(false);
      // What nobody has is looked for once, and nobody is blamed.
      failures.length = 0;
      const absent = await store.get('/lag', { revision: revision + 1_000 }).catch((error: unknown) => error);
      expect(absent).toMatchObject({ code: 'future-revision' });
      expect(failures).toEqual([]);
    } finally {
      etcd.links.heal();
    }
  });

  // A cluster takes no members for its first six seconds: this comes last.
  test('a learner is left, and a member that is removed', async () => {
    const [client, peer] = [await reservePort(), await reservePort()];
    const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-learner-'));
    const learnerUrl = `http://127.0.0.1:${client.port}`;
    const peerUrl = `http://127.0.0.1:${peer.port}`;
    const added = await eventually(() => etcd.ctl('member', 'add', 'learner', '--learner', `--peer-urls=${peerUrl}`));
    const [, id] = /Member\s+([0-9a-f]+) added/.exec(added)!;
    const members = [...etcd.members.map(({ name, peerUrl: url }) => `${name}=${url}`), `learner=${peerUrl}`];
    const child = spawn(
      binary,
      [
        ...['--name=learner', `--data-dir=${dataDir}`, `--initial-cluster=${members.join(',')}`],
        ...['--initial-cluster-state=existing', '--initial-cluster-token=holdfast', '--logger=zap'],
        ...[`--listen-client-urls=${learnerUrl}`, `--advertise-client-urls=${learnerUrl}`],
        ...[`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
      ],
      { stdio: 'ignore' },
    );
    const gone = new Promise((resolve) => child.once('exit', resolve));
    try {
      await eventually(() => fetch(`${learnerUrl}/version`));
      const balancer = await startBalancer([learnerUrl, ...etcd.endpoints]);
      open.push(balancer);
      balancer.choose((turn) => (turn === 0 ? 0 : 1));
      const store = connect(balancer.endpoint);
      const follower = new Follower(store.watch({ prefix: '/learner/' }));
      await store.put('/learner/1', 'x');
      await follower.watch.ready;
      await store.put('/learner/2', 'x');
      await eventually(() => follower.keys.includes('/learner/2'));
      expect(balancer.chosen.slice(0, 2)).toEqual([0, 1]);
      // Removed while it is in the balancer still, and the store's connection goes there.
      const turn = balancer.chosen.length;
      balancer.choose((each) => (each === turn ? 0 : 2));
      balancer.cutTo(1);
      await eventually(() => balancer.chosen.length > turn);
      await eventually(() => etcd.ctl('member', 'remove', id!));
      // Whether a write that meets the member's end was made is not known: it is written again.
      await eventually(() => store.put('/learner/3', 'x'));
      await eventually(() => follower.keys.includes('/learner/3'));
      expect(follower.error).toBeUndefined();
    } finally {
      child.kill('SIGKILL');
      await gone;
      await rm(dataDir, { recursive: true });
      client.release();
      peer.release();
    }
  });
});
