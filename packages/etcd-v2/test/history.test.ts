import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { toRevision } from '@holdfast/store';
import { availableEtcds, eventually, startProxy, virtualClock } from '@holdfast/testkit';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { follow, Follower, World } from './support/world.js';

let world: World | undefined;

afterEach(async () => {
  await world?.close();
  world = undefined;
});

describe.each(availableEtcds({ api: 'v2' }))('another history on etcd $version', ({ version }) => {
  test('a server that was emptied is history-changed, with a new cluster id and with the same one', async () => {
    world = await World.start(version);
    const store = world.open();
    for (const sameToken of [false, true]) {
      await world.burst(20, (index) => `/wiped/${index}`);
      const watch = await follow(store, { prefix: '/wiped/' });
      await world.etcd.wipe({ sameToken });
      const error = await watch.ended();
      expect(error?.code).toBe('history-changed');
      expect(watch.events).toEqual([]);
    }
  });

  test('data restored from an older copy is history-changed, though the cluster id is the same', async () => {
    world = await World.start(version);
    await world.burst(5, (index) => `/restored/${index}`);
    const copy = await world.etcd.copyData();
    await world.burst(50, (index) => `/restored/${index}`);
    const store = world.open();
    const { bookmark } = await store.list({ prefix: '/restored/' });
    const watch = await follow(store, { prefix: '/restored/' }, { after: bookmark });
    await world.etcd.useData(copy);
    expect((await watch.ended())?.code).toBe('history-changed');
    const later = new Follower(store.watch({ prefix: '/restored/' }, { after: bookmark }));
    expect((await later.ended())?.code).toBe('history-changed');
  });

  test('a server that was killed and started again is the same history, and nothing is lost', async () => {
    world = await World.start(version);
    const watch = await follow(world.open(), { prefix: '/killed/' });
    const [member] = world.etcd.members;
    for (let round = 0; round < 2; round += 1) {
      await world.raw('PUT', '/killed/a', { value: `before ${round}` });
      await member?.kill();
      await member?.start();
      await world.raw('PUT', '/killed/a', { value: `after ${round}` });
    }
    await watch.until(4);
    expect(watch.told).toEqual(['before 0', 'after 0', 'before 1', 'after 1'].map((value) => `put /killed/a=${value}`));
    expect(watch.statuses).toContain('interrupted');
  });

  test('a member that lags behind is no other history: the watch waits for it, and misses nothing', async () => {
    world = await World.start(version, { nodes: 3 });
    const leader = await world.etcd.leader();
    const [leading, follower] = [leader, ...world.etcd.members.filter((member) => member !== leader)];
    const proxy = await startProxy(follower?.endpoint ?? '');
    const store = etcdV2Store({ endpoints: [proxy.endpoint, leading.endpoint], random: () => 0 });
    const watch = await follow(store, { prefix: '/lagging/' });
    const writer = etcdV2Store({ endpoints: [leading.endpoint] });
    // The follower stands still, answers nothing, and comes back far behind.
    follower?.pause();
    // The two that are left may elect another leader meanwhile, on a busy machine.
    const write = (index: number) => eventually(() => writer.put('/lagging/a', String(index)));
    const watchAfter = await write(1);
    for (let index = 2; index < 200; index += 1) await write(index);
    follower?.resume();
    const resumed = await follow(
      store,
      { prefix: '/lagging/' },
      {
        after: { revision: watchAfter.revision, identity: (await watch.watch.ready).identity },
      },
    );
    await resumed.until(198);
    await watch.until(199);
    expect(watch.error).toBeUndefined();
    await store.close();
    await writer.close();
    await proxy.close();
  });
});

describe('signs of another history that a real server gives only by chance', () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());

  interface Scripted {
    index: number;
    term: number;
    /** What the next polls are answered with; they wait where there is nothing. */
    readonly polls: string[];
    asked: string[];
  }

  /** A member that says what it is told to. */
  async function scripted(state: Scripted): Promise<string> {
    server = createServer((request, response) => {
      const url = request.url ?? '';
      state.asked.push(url);
      const headers = { 'x-etcd-cluster-id': 'abc', 'x-etcd-index': String(state.index) };
      if (url.includes('wait=true')) {
        response.writeHead(200, { ...headers, 'x-raft-term': String(state.term) });
        response.flushHeaders();
        const answer = state.polls.shift();
        if (answer === undefined) return;
        const index = /"modifiedIndex":(\d+)/.exec(answer)?.[1] ?? '0';
        state.index = Math.max(state.index, Number(index));
        response.end(answer);
        return;
      }
      if (url.endsWith('_?quorum=true')) {
        response.writeHead(404, headers);
        response.end(JSON.stringify({ errorCode: 100, message: 'Key not found', cause: '', index: state.index }));
        return;
      }
      response.writeHead(200, { ...headers, 'x-raft-term': String(state.term) });
      response.end(JSON.stringify({ action: 'get', node: { dir: true } }));
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server?.address() as AddressInfo).port}`;
  }

  const put = (index: number): string =>
    JSON.stringify({ action: 'set', node: { key: '/a/x', value: '1', modifiedIndex: index, createdIndex: index } });

  test('a lower raft term is history-changed, once a linearizable read confirms it', async () => {
    const state: Scripted = { index: 5, term: 7, polls: [], asked: [] };
    const store = etcdV2Store({ endpoints: [await scripted(state)], keepalive: false, retry: { initialMs: 1 } });
    const watch = await follow(store, { prefix: '/a/' });
    // The history was replaced by one that has overtaken it, under the same cluster id; only the term tells.
    Object.assign(state, { index: 100, term: 2 });
    state.polls.push(put(100));
    server?.closeAllConnections();
    await watch.status('live');
    state.polls.push(put(101));
    server?.closeAllConnections();
    expect((await watch.ended())?.code).toBe('history-changed');
    await store.close();
  });

  test('a bookmark past the head is settled by linearizable reads, not by what a member says in passing', async () => {
    const state: Scripted = { index: 5, term: 2, polls: [], asked: [] };
    const store = etcdV2Store({ endpoints: [await scripted(state)], keepalive: false });
    const after = { revision: toRevision(9), identity: 'abc' };
    const watch = new Follower(store.watch({ prefix: '/a/' }, { after }));
    await eventually(() => watch.isOver || watch.statuses.includes('live'), { timeoutMs: 20_000 });
    expect(watch.error?.code).toBe('history-changed');
    expect(state.asked).toEqual(['/v2/keys/a/_?quorum=true', '/v2/keys/a/_?quorum=true']);
    await store.close();
  });

  test('trap 1: the index of an answer moves no bookmark: what follows the event is asked for next', async () => {
    const state: Scripted = { index: 100, term: 2, polls: [put(6)], asked: [] };
    const store = etcdV2Store({ endpoints: [await scripted(state)], keepalive: false });
    const after = { revision: toRevision(5), identity: 'abc' };
    const watch = new Follower(store.watch({ prefix: '/a/' }, { after }));
    await watch.until(1);
    expect(watch.batches.map(({ bookmark }) => Number(bookmark.revision))).toEqual([6]);
    await eventually(() => state.asked.some((url) => url.includes('waitIndex=7')));
    await store.close();
  });

  test('trap 2: that a member has taken a poll moves no bookmark: cut right after it, the same is asked for again', async () => {
    const state: Scripted = { index: 100, term: 2, polls: [], asked: [] };
    const store = etcdV2Store({ endpoints: [await scripted(state)], keepalive: false, retry: { initialMs: 1 } });
    const after = { revision: toRevision(5), identity: 'abc' };
    const watch = await follow(store, { prefix: '/a/' }, { after });
    server?.closeAllConnections();
    const polls = () => state.asked.filter((url) => url.includes('wait=true'));
    await eventually(() => polls().length > 1);
    expect(new Set(polls())).toEqual(new Set(['/v2/keys/a/?wait=true&waitIndex=6&recursive=true']));
    expect(watch.batches).toEqual([]);
    await store.close();
  });

  test('trap 12: a watch that fails at once, again and again, is tried at a slowing pace', async () => {
    const state: Scripted = { index: 5, term: 2, polls: Array.from({ length: 1_000 }, () => ''), asked: [] };
    const endpoints = [await scripted(state)];
    const clock = virtualClock();
    const retry = { initialMs: 100 };
    const store = etcdV2Store({ endpoints, keepalive: false, retry, random: () => 0.5, clock });
    const watch = new Follower(store.watch({ prefix: '/a/' }));
    const failures = () => watch.statuses.filter((status) => status === 'interrupted');
    const delays: number[] = [];
    for (let failed = 1; failed < 5; failed += 1) {
      // The pause, and a second after which other endpoints would be asked for their history.
      await eventually(() => failures().length >= failed && clock.pending === 2, { intervalMs: 5 });
      delays.push((clock.nextAt ?? 0) - clock.now());
      await clock.advance(delays.at(-1) ?? 0);
    }
    expect(delays).toEqual([55, 110, 220, 440]);
    await store.close();
  });

  test('an empty answer to a poll is asked for again, and is no event', async () => {
    const state: Scripted = { index: 5, term: 2, polls: ['', put(6)], asked: [] };
    const store = etcdV2Store({ endpoints: [await scripted(state)], keepalive: false });
    const watch = await follow(store, { prefix: '/a/' });
    await watch.until(1);
    expect(watch.told).toEqual(['put /a/x=1']);
    expect(state.asked.filter((url) => url.includes('waitIndex=6'))).toHaveLength(2);
    expect(watch.statuses).toEqual(['live']);
    await store.close();
  });

  test('a watcher that a recovering server cleared (400) resumes from where it was', async () => {
    const state: Scripted = { index: 5, term: 2, polls: [put(6)], asked: [] };
    const endpoint = await scripted(state);
    const store = etcdV2Store({ endpoints: [endpoint], keepalive: false, retry: { initialMs: 1 } });
    const watch = await follow(store, { prefix: '/a/' });
    await watch.until(1);
    const listener = server?.listeners('request')[0] as (...args: unknown[]) => void;
    server?.removeAllListeners('request');
    server?.once('request', (_request, response: ServerResponse) => {
      server?.on('request', listener);
      response.writeHead(400, { 'x-etcd-cluster-id': 'abc' });
      // As etcd 2 answered it; 3.4 and 3.5 have the code and never send it.
      response.end('{"errorCode":400,"message":"watcher is cleared due to etcd recovery","cause":"","index":0}');
    });
    state.polls.push(put(7));
    server?.closeAllConnections();
    await eventually(() => watch.events.length === 2);
    expect(watch.told).toEqual(['put /a/x=1', 'put /a/x=1']);
    // The event is told before the server has the next poll.
    await eventually(() => state.asked.at(-1)?.includes('waitIndex=8') === true);
    await store.close();
  });
});
