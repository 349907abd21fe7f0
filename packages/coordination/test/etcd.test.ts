import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import {
  availableEtcds,
  eventually,
  isOfVersion,
  startEtcd,
  startProxy,
  type Etcd,
  type StartEtcdOptions,
} from '@holdfast/testkit';
import { openSession, transact, type Session } from '@holdfast/coordination';
import { codeOf } from './support/code-of.js';
import { observe } from './support/observer.js';
import { startEtcdctl } from './support/etcdctl.js';

/** Of sessions that are lost to nothing here, in seconds: nor to a machine that stands still. */
const LONG_TTL = 60;

/** The oldest one, the newest one, and one between. */
const few = availableEtcds().filter(({ version }) =>
  ['3.4', '3.5.30', '3.7'].some((wanted) => isOfVersion(version, wanted)),
);

describe.each(few)('on etcd $version', ({ version }) => {
  let etcd: Etcd;
  let store: ConfigStore;
  let session: Session;
  const waiting = async (name: string, count: number) =>
    eventually(async () => (await store.list({ prefix: `${name}/` })).count === count);

  beforeAll(async () => {
    etcd = await startEtcd({ version });
    store = etcdV3Store({ endpoints: etcd.endpoints });
    session = await openSession(store, { ttl: LONG_TTL });
  });
  afterAll(async () => {
    await session.close();
    await store.close();
    await etcd.close();
  });

  test('etcdctl lock waits for Holdfast, and Holdfast for etcdctl lock, in the order of asking', async () => {
    const first = await session.lock('/locks/a');
    const theirs = startEtcdctl(etcd, ['lock', '/locks/a']);
    await waiting('/locks/a', 2);
    const last = session.lock('/locks/a');
    await waiting('/locks/a', 3);
    expect(await session.tryLock('/locks/a')).toBeUndefined();
    expect(theirs.lines).toEqual([]);
    await first.release();
    const [key = ''] = await theirs.printed(1);
    expect(key).toMatch(/^\/locks\/a\/[0-9a-f]+$/);
    expect((await store.list({ prefix: '/locks/a/' })).count).toBe(2);
    await theirs.interrupt();
    await (await last).release();
    expect((await store.list({ prefix: '/locks/' })).count).toBe(0);
  });

  test('etcdctl elect waits for Holdfast, and Holdfast for etcdctl elect; each observes the other', async () => {
    const observer = observe(store, '/elections/a');
    await eventually(() => observer.told.length === 1);
    const listening = startEtcdctl(etcd, ['elect', '--listen', '/elections/a']);
    const first = await session.campaign('/elections/a', 'ours');
    expect(await listening.printed(2)).toEqual([first.key, 'ours']);
    const theirs = startEtcdctl(etcd, ['elect', '/elections/a', 'theirs']);
    await waiting('/elections/a', 2);
    const last = session.campaign('/elections/a', 'last');
    await waiting('/elections/a', 3);
    expect(theirs.lines).toEqual([]);
    await first.resign();
    const [key = ''] = await theirs.printed(2);
    expect(key).toMatch(/^\/elections\/a\/[0-9a-f]+$/);
    expect((await store.list({ prefix: '/elections/a/' })).count).toBe(2);
    await theirs.interrupt();
    const lead = await last;
    await eventually(() => listening.lines.at(-1) === 'last');
    await listening.interrupt();
    await lead.resign();
    await eventually(() => observer.values.length === 5);
    await observer.stop();
    expect(observer.values).toEqual(['-', 'ours', 'theirs', 'last', '-']);
  });

  test('transact loses no update, notices phantoms, and tells a condition from a conflict', async () => {
    const add = () =>
      transact(
        store,
        async (tx) => {
          const { count } = await tx.list({ prefix: '/counted/' });
          const stored = await tx.get('/count');
          expect(Number(Buffer.from(stored?.value ?? []).toString())).toBe(count);
          tx.put('/count', String(count + 1));
          tx.put(`/counted/${count}`, '');
        },
        { attempts: 100 },
      );
    await Promise.all([add(), add(), add(), add()]);
    expect((await store.list({ prefix: '/counted/' })).count).toBe(4);
    const held = await session.lock('/locks/t');
    const guarded = () => transact(store, async (tx) => (await tx.get('/count'))?.version, { if: [held.compare] });
    expect((await guarded()).value).toBe(4);
    await held.release();
    await expect(guarded()).rejects.toMatchObject({ code: 'conflict', retryable: false });
  });

  test('a lease that was revoked by somebody else is noticed', async () => {
    const other = await openSession(store);
    const held = await other.lock('/locks/b');
    const { signal } = held;
    await store.leases.revoke(other.lease);
    await eventually(() => signal.aborted);
    expect(signal.reason).toMatchObject({ code: 'session-lost' });
    expect(await codeOf(other.lock('/locks/b'))).toBe('session-lost');
  });
});

/** What a test opened, to be closed in this order, also where it failed. */
const toClose: { close(): Promise<void> }[] = [];
const servers: Etcd[] = [];

async function started(options: StartEtcdOptions): Promise<Etcd> {
  const etcd = await startEtcd(options);
  servers.push(etcd);
  return etcd;
}

afterEach(async () => {
  for (const each of toClose.splice(0)) await each.close().catch(() => undefined);
  for (const etcd of servers.splice(0)) await etcd.close();
});

describe('on a server with users', () => {
  test('a session and its locks outlive the tokens of their user', async () => {
    const etcd = await started({ version: '3.5', args: ['--auth-token-ttl=3'] });
    const rights = ['role', 'grant-permission', 'app', '--prefix=true', 'readwrite', '/locks/a'];
    for (const args of [
      ['user', 'add', 'root:rootpw'],
      ['user', 'grant-role', 'root', 'root'],
      ['role', 'add', 'app'],
      ['user', 'add', 'app:apppw'],
      ['user', 'grant-role', 'app', 'app'],
      rights,
      ['auth', 'enable'],
    ]) {
      await etcd.ctl(...args);
    }
    const store = etcdV3Store({ endpoints: etcd.endpoints, auth: { username: 'app', password: 'apppw' } });
    // It is renewed every four seconds, and a token that is not used lives for three.
    const session = await openSession(store, { ttl: 16 });
    toClose.push(session, store);
    const held = await session.lock('/locks/a');
    await eventually(async () => (await etcd.metric('etcd_debugging_lease_renewed_total')) >= 3);
    held.check();
    await held.release();
    expect(await codeOf(session.lock('/elsewhere'))).toBe('permission-denied');
    session.check();
  });
});

describe('on a cluster', () => {
  test('a session leaves a member that has lost its leader', async () => {
    const etcd = await started({ version: '3.5', nodes: 3, links: true });
    const store = etcdV3Store({ endpoints: etcd.endpoints });
    const session = await openSession(store, { ttl: 20 });
    toClose.push(session, store);
    const held = await session.lock('/locks/a');
    for (const member of [0, 1, 2]) {
      etcd.links.isolate(member);
      const [sentAt, before] = [performance.now(), session.ttl];
      // Renewed since the member was cut off: more time is left than could be without.
      await eventually(async () => {
        session.check();
        const { ttl } = await store.leases.timeToLive(session.lease, { timeoutMs: 1_000 }).catch(() => ({ ttl: 0 }));
        return ttl > before - (performance.now() - sentAt) / 1_000 + 1;
      });
      etcd.links.heal();
    }
    held.check();
    await held.release();
  });
});

describe('on a network that breaks', () => {
  let etcd: Etcd;
  let others: ConfigStore;
  const cleanUp: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    etcd = await startEtcd({ version: '3.5' });
    others = etcdV3Store({ endpoints: etcd.endpoints });
  });
  afterEach(async () => {
    for (const work of cleanUp.splice(0).reverse()) await work();
  });
  afterAll(async () => {
    await others.close();
    await etcd.close();
  });

  async function behindProxy(ttl: number) {
    const proxy = await startProxy(etcd.endpoints[0]!);
    cleanUp.push(() => proxy.close());
    const store = etcdV3Store({ endpoints: [proxy.endpoint] });
    cleanUp.push(() => store.close());
    const session = await openSession(store, { ttl });
    cleanUp.push(() => session.close().catch(() => undefined));
    return { proxy, store, session };
  }

  test('a holder whose network falls silent is told before the server gives the lock away', async () => {
    // A third of it is between the two, and this process may stand still meanwhile.
    const { proxy, session } = await behindProxy(12);
    const other = await openSession(others, { ttl: LONG_TTL });
    cleanUp.push(() => other.close());
    const held = await session.lock('/locks/silent');
    const next = other.lock('/locks/silent');
    let toldAt = Infinity;
    held.signal.addEventListener('abort', () => {
      toldAt = performance.now();
    });
    proxy.blackHole();
    const second = await next;
    const givenAwayAt = performance.now();
    expect(held.signal.reason).toMatchObject({ code: 'session-lost' });
    expect(toldAt).toBeLessThan(givenAwayAt);
    expect(second.token.revision).toBeGreaterThan(held.token.revision);
    await second.release();
  });

  test('a cut connection loses neither the session nor a place in the queue', async () => {
    const { proxy, session } = await behindProxy(LONG_TTL);
    const other = await openSession(others, { ttl: LONG_TTL });
    cleanUp.push(() => other.close());
    const first = await other.lock('/locks/cut');
    const mine = session.lock('/locks/cut');
    await eventually(async () => (await others.list({ prefix: '/locks/cut/' })).count === 2);
    const last = other.lock('/locks/cut');
    await eventually(async () => (await others.list({ prefix: '/locks/cut/' })).count === 3);
    proxy.cut();
    await first.release();
    const held = await mine;
    held.check();
    await held.release();
    await (await last).release();
  });

  test('an acquiring write that is cut off leaves no key that blocks the queue', async () => {
    const { proxy, session } = await behindProxy(LONG_TTL);
    // At each byte of the request, and of its answer.
    for (let bytes = 1; bytes < 600; bytes += 83) {
      for (const direction of ['toServer', 'toClient'] as const) {
        const cut = proxy.cutAfter(bytes, { direction });
        const held = await session.lock('/locks/lost');
        cut.disarm();
        const { items } = await others.list({ prefix: '/locks/lost/' });
        expect(items.map(({ key }) => key)).toEqual([held.key]);
        await held.release();
      }
    }
  });
});
