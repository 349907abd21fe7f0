// `AbortSignal` at every call: given when it is aborted already, aborted while the answer is held back on its way, and aborted when
// the call is long over. An unhandled rejection fails a test of Jest's by itself, so that no test here looks for one.
import { getEventListeners } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror, text, type Mirror } from '@holdfast/core';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import { isStoreError, withPrefix, type Capabilities, type ConfigStore, type Watch } from '@holdfast/store';
import { eventually, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import { failure } from '../../../etcd-common/test/support/failure.js';
import { CALLS, type Ground } from './calls.js';
import { watchRequests } from './requests.js';

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

let grounds = 0;

async function prepare(store: ConfigStore): Promise<Ground> {
  const prefix = `/${(grounds += 1)}/`;
  const there = `${prefix}there`;
  const { revision } = await store.put(there, 'is');
  const lease = store.capabilities.leases ? (await store.leases.grant(600)).id : '';
  return { store, prefix, there, modRevision: revision, lease };
}

/** What the call could have changed. */
async function shown({ prefix, lease }: Ground, store: ConfigStore): Promise<unknown> {
  const { items } = await store.list({ prefix });
  const granted = store.capabilities.leaseListing ? (await store.leases.list()).includes(lease) : undefined;
  return { items: items.map(({ key, value }) => [key, Buffer.from(value).toString()]), granted };
}

/** One backend under test: `proxy` lies between its store and the data, and is absent where nothing could. */
interface Backend {
  readonly store: ConfigStore;
  /** Not behind the proxy. */
  readonly direct: ConfigStore;
  readonly proxy?: Proxy;
  readonly close: () => Promise<void>;
}

type Connect = (endpoints: readonly string[]) => ConfigStore;

const ON_ETCD: readonly (readonly [name: string, connect: Connect])[] = [
  ['etcd v3', (endpoints) => etcdV3Store({ endpoints })],
  ['a view of etcd v3', (endpoints) => withPrefix(etcdV3Store({ endpoints }), '/view', { owned: true })],
  ['etcd v2', (endpoints) => etcdV2Store({ endpoints })],
];

async function onEtcd(connect: Connect): Promise<Backend> {
  const etcd: Etcd = await startEtcd({ version: '3.5', enableV2: true });
  const proxy = await startProxy(etcd.endpoints[0]!);
  const [store, direct] = [connect([proxy.endpoint]), connect(etcd.endpoints)];
  const close = async (): Promise<void> => {
    await Promise.all([store.close(), direct.close()]);
    await proxy.close();
    await etcd.close();
  };
  return { store, direct, proxy, close };
}

async function inMemory(): Promise<Backend> {
  const store = memoryStore();
  return { store, direct: store, close: () => store.close() };
}

// No store sends anything before it is called, so that this one only tells what it can do.
const BACKENDS: readonly (readonly [name: string, Capabilities, open: () => Promise<Backend>])[] = [
  ['memory', memoryStore().capabilities, inMemory],
  ...ON_ETCD.map(([name, connect]) => {
    return [name, connect(['http://127.0.0.1:1']).capabilities, () => onEtcd(connect)] as const;
  }),
];

describe.each(BACKENDS)('a signal on %s', (_name, capabilities, connect) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await connect();
  });
  afterEach(async () => {
    await backend.proxy?.allow();
  });
  afterAll(() => backend.close());

  // The others are `unsupported`, which the conformance suite holds.
  const calls = CALLS.filter(({ needs = () => true }) => needs(capabilities));

  describe.each(calls)('of $name', ({ run, outcome, asksFirst = () => false }) => {
    const isWrite = outcome !== undefined;

    test('that was aborted before: nothing is sent', async () => {
      const ground = await prepare(backend.direct);
      const before = await shown(ground, backend.direct);
      const reason = new Error('changed my mind');
      const signal = AbortSignal.abort(reason);
      const requests = backend.proxy === undefined ? undefined : await watchRequests(backend.proxy);
      const error = await failure(run({ ...ground, store: backend.store }, signal));
      expect(error).toMatchObject({ code: 'aborted', retryable: false });
      expect(rootCause(error)).toBe(reason);
      expect(error.outcome).toBe(isWrite ? 'not-applied' : undefined);
      expect(await shown(ground, backend.direct)).toEqual(before);
      expect(listenersOf(signal)).toBe(0);
      if (requests === undefined) return;
      expect(requests.begun()).toEqual([]);
      await backend.store.get(ground.there);
      expect(requests.begun()).not.toEqual([]);
      requests.stop();
    });

    test('that aborts while the call is under way: it ends at once, and the error says what became of a write', async () => {
      const ground = await prepare(backend.direct);
      const before = await shown(ground, backend.direct);
      const controller = new AbortController();
      const { signal } = controller;
      const reason = new Error('changed my mind');
      const { proxy, store } = backend;
      let call: Promise<unknown>;
      if (proxy === undefined) {
        // What is in this process is done before anybody could abort it, or it was not begun.
        call = run({ ...ground, store }, signal);
        call.catch(() => undefined);
        controller.abort(reason);
        const error = await call.then(
          () => undefined,
          (caught: unknown) => caught,
        );
        if (isStoreError(error) && error.outcome === 'not-applied') {
          expect(await shown(ground, backend.direct)).toEqual(before);
        }
        expect(error === undefined || isStoreError(error, 'aborted')).toBe(true);
      } else {
        await store.get(ground.there);
        proxy.stall('toClient');
        const sent = proxy.bytesToServer;
        call = run({ ...ground, store }, signal);
        call.catch(() => undefined);
        await eventually(() => proxy.bytesToServer > sent);
        controller.abort(reason);
        const error = await failure(call);
        expect(error).toMatchObject({ code: 'aborted', retryable: false });
        expect(rootCause(error)).toBe(reason);
        const unwritten = isWrite && asksFirst(capabilities);
        expect(error.outcome).toBe(unwritten ? 'not-applied' : outcome);
        await proxy.allow();
        if (unwritten) expect(await shown(ground, backend.direct)).toEqual(before);
      }
      expect(listenersOf(signal)).toBe(0);
      // The store is as good as before.
      expect((await store.get(`${ground.prefix}never`)) ?? 'absent').toBe('absent');
    });

    test('that aborts when the call is over, or never: it has left no listener, and changes nothing', async () => {
      const ground = await prepare(backend.direct);
      const controller = new AbortController();
      await run({ ...ground, store: backend.store }, controller.signal);
      expect(listenersOf(controller.signal)).toBe(0);
      const after = await shown(ground, backend.direct);
      controller.abort();
      expect(await shown(ground, backend.direct)).toEqual(after);
    });
  });

  describe('of a watch', () => {
    test('that was aborted before: the watch ends, and asks the server for nothing', async () => {
      const { prefix } = await prepare(backend.direct);
      const signal = AbortSignal.abort(new Error('changed my mind'));
      const watch = backend.store.watch({ prefix }, { signal });
      expect(await failure(consume(watch))).toMatchObject({ code: 'aborted' });
      expect(await failure(watch.ready)).toMatchObject({ code: 'aborted' });
      expect(listenersOf(signal)).toBe(0);
    });

    test.each(['before it is established', 'while it waits for events'])(
      'that aborts %s ends the iteration',
      async (when) => {
        const { prefix } = await prepare(backend.direct);
        const controller = new AbortController();
        const { signal } = controller;
        const early = when === 'before it is established';
        if (early) backend.proxy?.stall('toClient');
        const watch = backend.store.watch({ prefix }, { signal });
        const consumed = failure(consume(watch));
        if (!early) await watch.ready;
        controller.abort();
        expect(await consumed).toMatchObject({ code: 'aborted' });
        expect(watch.state).toMatchObject({ status: 'closed', error: { code: 'aborted' } });
        expect(listenersOf(signal)).toBe(0);
        // A consumer that comes back later is told too.
        expect(await failure(consume(backend.store.watch({ prefix }, { signal })))).toMatchObject({ code: 'aborted' });
      },
    );

    test('that never aborts is let go when the watch closes', async () => {
      const { prefix } = await prepare(backend.direct);
      const { signal } = new AbortController();
      const watch = backend.store.watch({ prefix }, { signal });
      await watch.ready;
      await watch.close();
      expect(listenersOf(signal)).toBe(0);
    });
  });

  describe('of a mirror', () => {
    const open = async (
      signal?: AbortSignal,
    ): Promise<{ readonly mirrored: Mirror<string>; readonly ground: Ground }> => {
      const ground = await prepare(backend.direct);
      const mirrored = await mirror(backend.store, { prefix: ground.prefix, codec: text(), signal });
      return { mirrored, ground };
    };

    test('that aborts while it is open closes it', async () => {
      const controller = new AbortController();
      const { mirrored } = await open(controller.signal);
      controller.abort();
      expect(mirrored.state).toMatchObject({ status: 'closed', error: { code: 'aborted' } });
      expect(mirrored.get('there')?.value).toBe('is');
      await mirrored.close();
      expect(listenersOf(controller.signal)).toBe(0);
    });

    test('that aborts while it loads: mirror() rejects, and nothing is left', async () => {
      const { prefix } = await prepare(backend.direct);
      await backend.store.get('/warm');
      const { proxy, store } = backend;
      proxy?.stall('toClient');
      const sent = proxy?.bytesToServer ?? 0;
      const controller = new AbortController();
      const opening = failure(mirror(store, { prefix, codec: text(), signal: controller.signal }));
      if (proxy !== undefined) await eventually(() => proxy.bytesToServer > sent);
      controller.abort();
      expect(await opening).toMatchObject({ code: 'aborted' });
      expect(listenersOf(controller.signal)).toBe(0);
    });

    test.each<[what: string, wait: (mirrored: Mirror<string>, signal: AbortSignal) => Promise<void>]>([
      ['sync()', (mirrored, signal) => mirrored.sync({ signal })],
      ['waitFor()', (mirrored, signal) => mirrored.waitFor(mirrored.revision + 1_000_000, { signal })],
    ])('of %s: aborted before, and during', async (_what, wait) => {
      const { mirrored } = await open();
      const gone = AbortSignal.abort();
      expect(await failure(wait(mirrored, gone))).toMatchObject({ code: 'aborted' });
      expect(listenersOf(gone)).toBe(0);
      backend.proxy?.stall('toClient');
      const controller = new AbortController();
      const waiting = failure(wait(mirrored, controller.signal));
      controller.abort();
      expect(await waiting).toMatchObject({ code: 'aborted' });
      expect(listenersOf(controller.signal)).toBe(0);
      await mirrored.close();
    });

    test.each<[what: string, wait: (mirrored: Mirror<string>, signal: AbortSignal) => Promise<void>]>([
      ['sync()', (mirrored, signal) => mirrored.sync({ signal })],
      ['waitFor()', (mirrored, signal) => mirrored.waitFor(mirrored.revision, { signal })],
    ])('of %s: aborted after', async (_what, wait) => {
      const { mirrored } = await open();
      const controller = new AbortController();
      await wait(mirrored, controller.signal);
      expect(listenersOf(controller.signal)).toBe(0);
      controller.abort();
      await mirrored.sync();
      expect(mirrored.state.status).toBe('live');
      await mirrored.close();
    });
  });
});

async function consume(watch: Watch): Promise<number> {
  let batches = 0;
  for await (const batch of watch) batches += batch.events.length;
  return batches;
}

function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootCause(error.cause) : error;
}
