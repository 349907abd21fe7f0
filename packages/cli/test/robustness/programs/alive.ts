// What keeps a process alive, and what does not. Whatever `run` leaves open stays open: the process then ends by itself, or it does not.
import { tracingChannel } from 'node:diagnostics_channel';
import { setTimeout as delay } from 'node:timers/promises';
import { mirror, text } from '@holdfast/core';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import { postgresStore } from '@holdfast/postgres';
import { isStoreError, readOnly, withPrefix, type ConfigStore } from '@holdfast/store';

export interface AliveInput {
  readonly backend: 'memory' | 'etcd-v3' | 'etcd-v2' | 'postgres';
  readonly endpoints?: readonly string[];
  /** The certificate authority of `https` endpoints. */
  readonly ca?: string;
  readonly connectMs?: number;
  /** Whether a connection that is silent is given up. Default: true. */
  readonly keepalive?: false;
  /** The key that says that the program is ready for an outage. */
  readonly readyKey?: string;
  readonly scenario: keyof typeof SCENARIOS;
}

export type AliveResult = string | readonly string[];

const PREFIX = '/alive/';

/** Long enough that a process that nothing keeps alive is over by then. The timer itself keeps nobody alive. */
const whileAlive = () => new Promise((resolve) => setTimeout(resolve, 300).unref());

/** A mirror and a watch, left open on the store or a view of it. */
async function leaveOpen(store: ConfigStore, writable: ConfigStore): Promise<string> {
  const mirrored = await mirror(store, { prefix: PREFIX, codec: text(), unref: true, auditEveryMs: 1_000 });
  mirrored.subscribe(() => undefined, { debounceMs: 60_000 });
  const watch = store.watch({ prefix: PREFIX }, { unref: true });
  // What is waited for here keeps the process alive: an ordinary watch.
  const other = store.watch({ prefix: PREFIX });
  await Promise.all([watch.ready, other.ready]);
  const next = watch[Symbol.asyncIterator]().next();
  await writable.put(`${PREFIX}a`, '1');
  await Promise.all([next, mirrored.sync()]);
  await other.close();
  return `${mirrored.state.status}, ${mirrored.get('a')?.value}`;
}

/**
 * Ends while a read that the mirror makes by itself is under way, and not answered: the test has let the store fall silent when it saw the key.
 * The read may take minutes.
 */
async function leaveReading(store: ConfigStore, mirrored: ConfigStore, readyKey: string): Promise<string> {
  let asked = 0;
  let sinceThen = performance.now();
  const calls = tracingChannel('holdfast:store:call');
  const count = (by: number) => (): void => {
    asked += by;
    sinceThen = performance.now();
  };
  calls.start.subscribe(count(1));
  calls.asyncEnd.subscribe(count(-1));
  const options = { codec: text(), unref: true, livenessMs: 600_000, auditEveryMs: 20 };
  const open = await mirror(mirrored, { prefix: PREFIX, ...options });
  await using watch = store.watch({ prefix: PREFIX });
  await watch.ready;
  store.put(`${PREFIX}${readyKey}`, '1').catch(() => undefined);
  // Only a read that is not answered takes as long.
  while (asked === 0 || performance.now() - sinceThen < 500) await delay(20);
  return `the mirror is ${open.state.status}`;
}

const SCENARIOS = {
  'mirrors and watches with unref, left open': async (store: ConfigStore) => [
    await leaveOpen(store, store),
    await leaveOpen(withPrefix(store, '/view'), withPrefix(store, '/view')),
    await leaveOpen(readOnly(store), store),
  ],
  'a mirror and a watch with unref, when the store is gone': async (store: ConfigStore, readyKey: string) => {
    const mirrored = await mirror(store, { prefix: PREFIX, codec: text(), unref: true });
    const open = store.watch({ prefix: PREFIX }, { unref: true });
    const watch = store.watch({ prefix: PREFIX });
    await Promise.all([open.ready, watch.ready]);
    const interrupted = [open, watch].map((each) => new Promise((resolve) => each.onState(resolve)));
    // A sign for the test, which breaks the connection as soon as the key is there: the answer may be lost with it.
    await store.put(`${PREFIX}${readyKey}`, '1').catch(() => undefined);
    await Promise.all(interrupted);
    await watch.close();
    return `the mirror is ${mirrored.state.status === 'closed' ? 'closed' : 'open'}`;
  },
  'a read of a mirror with unref': (store: ConfigStore, readyKey: string) => leaveReading(store, store, readyKey),
  'a read of a mirror of a view with unref': (store: ConfigStore, readyKey: string) =>
    leaveReading(store, withPrefix(store, '/view'), readyKey),
  'an open mirror': async (store: ConfigStore) => {
    const mirrored = await mirror(store, { prefix: PREFIX, codec: text() });
    await whileAlive();
    await mirrored.close();
    return 'was alive';
  },
  'an open watch': async (store: ConfigStore) => {
    const watch = store.watch({ prefix: PREFIX });
    await watch.ready;
    await whileAlive();
    await watch.close();
    return 'was alive';
  },
  'calls under way, beside a mirror with unref': async (store: ConfigStore) => {
    const mirrored = await mirror(store, { prefix: PREFIX, codec: text(), unref: true });
    const done: string[] = [];
    await store.put(`${PREFIX}b`, '1');
    done.push('put');
    await store.get(`${PREFIX}b`);
    done.push('get');
    for await (const _ of store.scan({ prefix: PREFIX })) done.push('scan');
    await mirrored.sync();
    done.push('sync');
    await store.status();
    done.push('status');
    await mirrored.close();
    done.push('close');
    return done;
  },
  'a mirror with unref that can not load': async (store: ConfigStore) => {
    const failure: unknown = await mirror(store, { prefix: PREFIX, unref: true, startTimeoutMs: 2_000 }).then(
      () => 'it loaded',
      (error: unknown) => error,
    );
    return isStoreError(failure) ? failure.code : String(failure);
  },
  'a closed store that was connecting': async (store: ConfigStore) => {
    store.watch({ prefix: PREFIX }).ready.catch(() => undefined);
    const failure: unknown = await store.get('/a', { timeoutMs: 500 }).catch((error: unknown) => error);
    await store.close();
    return isStoreError(failure) ? failure.code : String(failure);
  },
};

function open({ backend, endpoints = [], ca, connectMs = 600_000, keepalive }: AliveInput): ConfigStore {
  if (backend === 'memory') return memoryStore();
  if (backend === 'postgres') {
    const [{ host }] = endpoints.map((endpoint) => new URL(endpoint)) as [URL];
    return postgresStore({ connectionString: `postgres://postgres@${host}/postgres`, timeouts: { connectMs } });
  }
  const options = { endpoints, timeouts: { connectMs }, ...(ca !== undefined && { tls: { ca } }), keepalive };
  return backend === 'etcd-v3' ? etcdV3Store(options) : etcdV2Store(options);
}

export async function run(input: AliveInput): Promise<AliveResult> {
  const store = open(input);
  if (input.backend === 'memory') await store.put('/expires/late', '1', { ttl: 3_600 });
  return SCENARIOS[input.scenario](store, input.readyKey ?? '');
}
