import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import {
  fenced,
  readOnly,
  StoreError,
  withPrefix,
  type ConfigStore,
  type StoreCallEvent,
  type StoreChannels,
  type StoreConnectionEvent,
} from '@holdfast/store';
import {
  createStore,
  DelegatingDriver,
  noteEndpoint,
  type DriverCall,
  type DriverGetOptions,
} from '@holdfast/store/adapter';
import { eventually, virtualClock } from '@holdfast/testkit';

type Told = readonly [name: string, event: StoreCallEvent];

const undo: (() => void)[] = [];
afterEach(() => {
  for (const each of undo.splice(0)) each();
});

function listen<Name extends keyof StoreChannels>(name: Name, listener: (event: StoreChannels[Name]) => void): void {
  const on = (event: unknown) => {
    listener(event as StoreChannels[Name]);
  };
  subscribe(name, on);
  undo.push(() => unsubscribe(name, on));
}

/** The ends of all calls from now on. Each event is copied, as it was then. */
function ends(): StoreCallEvent[] {
  const told: StoreCallEvent[] = [];
  listen('tracing:holdfast:store:call:asyncEnd', (event) => told.push({ ...event }));
  return told;
}

function connections(): StoreConnectionEvent[] {
  const told: StoreConnectionEvent[] = [];
  listen('holdfast:store:connection', (event) => told.push(event));
  return told;
}

/** A driver whose reads a test answers, at two endpoints. */
class Answering extends DelegatingDriver {
  override readonly name = 'answering';
  readonly endpoints = ['http://one:1', 'http://two:2'];
  answer: (call: DriverCall) => void = () => undefined;

  override async get(key: string, options: DriverGetOptions, call: DriverCall) {
    await Promise.resolve();
    this.answer(call);
    return super.get(key, options, call);
  }
}

describe('holdfast:store:call', () => {
  test('tells each call with its name, duration and code, and nothing that was written', async () => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    const told = ends();
    await store.put('/a', 'secret');
    await store.get('/a');
    await store.txn({ then: [{ type: 'get', key: '/a' }] });
    await store.leases.revoke('77').catch(() => undefined);
    await store.get('').catch(() => undefined);
    expect(told).toEqual([
      { store: 'memory', name: 'put', endpoints: [], durationMs: 0 },
      { store: 'memory', name: 'get', endpoints: [], durationMs: 0 },
      { store: 'memory', name: 'txn', endpoints: [], durationMs: 0 },
      expect.objectContaining({ name: 'leases.revoke', code: 'lease-not-found', outcome: 'not-applied' }),
      expect.objectContaining({ name: 'get', code: 'invalid-argument' }),
    ]);
    expect(JSON.stringify(told)).not.toContain('secret');
    await store.close();
    await store.get('/a').catch(() => undefined);
    expect(told.at(-1)).toMatchObject({ name: 'get', code: 'closed' });
  });

  test('publishes the events of a tracing channel in their order, all with one object', async () => {
    const store = memoryStore();
    const told: Told[] = [];
    for (const name of ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const)
      listen(`tracing:holdfast:store:call:${name}`, (event) => told.push([name, event]));
    await store.get('/a');
    expect(told.map(([name]) => name)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(new Set(told.map(([, event]) => event)).size).toBe(1);
    told.length = 0;
    await store.get('/a', { revision: 99 as never }).catch(() => undefined);
    expect(told.map(([name]) => name)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    expect(told[2]?.[1].code).toBe('future-revision');
    await store.close();
  });

  test('carries a bound AsyncLocalStorage into the call', async () => {
    const local = new AsyncLocalStorage<StoreCallEvent>();
    const { start } = tracingChannel('holdfast:store:call');
    start.bindStore(local, (event) => event);
    undo.push(() => start.unbindStore(local));
    const below = memoryStore();
    const driver = new Answering(below);
    let seen: StoreCallEvent | undefined;
    driver.answer = () => (seen = local.getStore());
    const store = createStore(driver);
    await store.get('/a');
    expect(seen).toMatchObject({ store: 'answering', name: 'get' });
    await store.close();
    await below.close();
  });

  test('names the endpoint that answered, and the one that failed', async () => {
    const below = memoryStore();
    const driver = new Answering(below);
    const store = readOnly(withPrefix(createStore(driver), '/app/'));
    const told = ends();
    driver.answer = ({ signal }) => {
      noteEndpoint(signal, 'http://two:2');
    };
    await Promise.all([store.get('a'), store.get('b', { timeoutMs: 1_000 })]);
    driver.answer = () => {
      throw new StoreError('unavailable', 'down', { endpoint: 'http://one:1' });
    };
    await store.get('a').catch(() => undefined);
    const own = told.filter((event) => event.store === 'answering');
    const endpoints = ['http://one:1', 'http://two:2'];
    expect(own.map(({ code, endpoint }) => [endpoint, code])).toEqual([
      ['http://two:2', undefined],
      ['http://two:2', undefined],
      ['http://one:1', 'unavailable'],
    ]);
    expect(own.map((event) => event.endpoints)).toEqual([endpoints, endpoints, endpoints]);
    await below.close();
  });

  test.each<[string, (store: ConfigStore) => ConfigStore]>([
    ['withPrefix', (store) => withPrefix(store, '/app/')],
    ['readOnly', (store) => readOnly(store)],
    ['fenced', (store) => fenced(store, { key: '/fence' })],
    ['a view of a view of a view', (store) => readOnly(withPrefix(fenced(store, { key: '/fence' }), '/app/'))],
  ])('tells a call through %s once', async (_name, view) => {
    const base = memoryStore();
    await base.put('/app/a', '1');
    const store = view(base);
    const told = ends();
    await store.get('/app/a', { timeoutMs: 1_000 });
    await store.list({ prefix: '' });
    for await (const page of store.scan({ prefix: '' })) expect(page.length).toBeGreaterThan(0);
    await store.put('/app/b', '2').catch(() => undefined);
    await store.put('/app/c', '3', { ttl: 60 }).catch(() => undefined);
    await store.delete('/app/b').catch(() => undefined);
    await store.status();
    const names = ['get', 'list', 'scan', 'put', 'put', 'delete', 'status'];
    expect(told.map(({ name }) => name)).toEqual(names);
    expect(new Set(told.map((event) => event.store))).toEqual(new Set(['memory']));
    told.length = 0;
    await base.get('/app/a');
    expect(told).toHaveLength(1);
    await base.close();
  });

  test('tells the calls that a store makes on one of another backend too', async () => {
    const below = memoryStore();
    const store = createStore(new Answering(below));
    const told = ends();
    await store.get('/a');
    expect(told.map((event) => event.store)).toEqual(['memory', 'answering']);
    await below.close();
  });

  test('tells each page of a scan, and the end of an aborted call', async () => {
    const store = memoryStore();
    const told = ends();
    for await (const page of store.scan({ prefix: '' })) expect(page.length).toBe(0);
    expect(told.map(({ name }) => name)).toEqual(['scan']);
    const controller = new AbortController();
    controller.abort();
    await store.put('/a', '1', { signal: controller.signal }).catch(() => undefined);
    expect(told.at(-1)).toMatchObject({ name: 'put', code: 'aborted', outcome: 'not-applied' });
    await store.close();
  });

  test('tells once of a scan that is refused before anything is sent', async () => {
    const store = memoryStore();
    const told = ends();
    for (const options of [{ bogus: 1 }, { revision: -1 }])
      await expect(
        store
          .scan({ prefix: '' }, options as never)
          [Symbol.asyncIterator]()
          .next(),
      ).rejects.toMatchObject({
        code: 'invalid-argument',
      });
    expect(told.map(({ name, code }) => ({ name, code }))).toEqual([
      { name: 'scan', code: 'invalid-argument' },
      { name: 'scan', code: 'invalid-argument' },
    ]);
    await store.close();
  });

  test('leaves the results and errors of calls as they are', async () => {
    const store = memoryStore();
    const run = async () => {
      const put = await store.put('/a', '1');
      const error: unknown = await store.get('/a', { revision: -1 as never }).catch((reason: unknown) => reason);
      return { shape: Object.keys(put), error: JSON.stringify(error) };
    };
    const unheard = await run();
    ends();
    expect(await run()).toEqual(unheard);
    await store.close();
  });
});

describe('holdfast:store:connection', () => {
  test('tells what becomes of a watch, also through views, once', async () => {
    const base = memoryStore();
    const told = connections();
    const store = readOnly(withPrefix(base, '/app/'));
    const watch = store.watch({ prefix: '' });
    await watch.ready;
    await watch.close();
    expect(told).toEqual([
      { store: 'memory', endpoints: [], status: 'live', previous: 'connecting' },
      { store: 'memory', endpoints: [], status: 'closed', previous: 'live' },
    ]);
    await base.close();
  });

  test('tells why a watch ended', async () => {
    const store = memoryStore();
    const told = connections();
    const watch = store.watch({ prefix: '' });
    await watch.ready;
    await store.close();
    await eventually(() => {
      expect(told.at(-1)).toMatchObject({ status: 'closed', previous: 'live', code: 'closed' });
    });
  });
});
