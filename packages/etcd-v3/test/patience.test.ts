import { json, mirror } from '@holdfast/core';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { Watch } from '@holdfast/store';
import { eventually, startEtcd, startProxy, type Etcd } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, type ClientHttp2Session } from 'node:http2';
import { setImmediate } from 'node:timers/promises';

const CONNECT_MS = 2_000;

let etcd: Etcd;
beforeAll(async () => {
  etcd = await startEtcd();
});
/** Where Node's HTTP/2 sessions have their methods. */
const sessions = prototypeOfSessions();

interface Pings {
  ping: (this: ClientHttp2Session, callback: (error: Error | null) => void) => boolean;
}

function prototypeOfSessions(): Pings {
  const session = connect('http://127.0.0.1:1');
  session.on('error', () => undefined).destroy();
  let prototype = session as object;
  while (!Object.hasOwn(prototype, 'ping')) prototype = Object.getPrototypeOf(prototype) as object;
  return prototype as Pings;
}

afterAll(async () => {
  await etcd.close();
});

/** Stops this process, as a busy machine or a debugger does. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('a connection that was there while the process stood still is used, and not given up as too late', async () => {
  const failures: unknown[] = [];
  const note = (_message: string, details?: { readonly error?: unknown }) => failures.push(details?.error);
  await using store = etcdV3Store({
    endpoints: etcd.endpoints,
    timeouts: { connectMs: CONNECT_MS },
    logger: { debug: note, info: note, warn: note, error: note },
  });
  const read = store.get('/x');
  // Until the socket is connected, but nothing of it was read.
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
  standStill(CONNECT_MS + 500);
  await expect(read).resolves.toBeUndefined();
  expect(failures).toEqual([]);
});

test('what a mirror asked for before the process stood still is read after it', async () => {
  const failures: unknown[] = [];
  const note = (_message: string, details?: { readonly error?: unknown }) => {
    if (details?.error !== undefined) failures.push(details.error);
  };
  const logger = { debug: note, info: note, warn: note, error: note };
  await using store = etcdV3Store({ endpoints: etcd.endpoints });
  await store.put('/patience/a', '1');
  await using routes = await mirror(store, { prefix: '/patience/', codec: json(), livenessMs: 6_000, logger });
  const done = routes.sync();
  await setImmediate();
  // A small read may take a third of `livenessMs`.
  standStill(2_500);
  await done;
  expect(routes.get('a')?.value).toBe(1);
  // It would be read once more.
  expect(failures).toEqual([]);
});

const KEEPALIVE = { intervalMs: 5_000, timeoutMs: 2_000 };

async function firstEvent(watch: Watch): Promise<string | undefined> {
  for await (const { events } of watch) {
    const [event] = events;
    if (event?.type === 'put') return event.current.key;
  }
  return undefined;
}

function statesOf(watch: Watch): string[] {
  const states: string[] = [];
  watch.onState(({ status }) => states.push(status));
  return states;
}

test('a connection whose answer to a ping waited while the process stood still is kept, and pinged again', async () => {
  await using store = etcdV3Store({ endpoints: etcd.endpoints, keepalive: KEEPALIVE });
  const watch = store.watch({ prefix: '/' });
  await watch.ready;
  const states = statesOf(watch);
  const { ping } = sessions;
  let pings = 0;
  sessions.ping = function (this: ClientHttp2Session, callback) {
    const isSent = ping.call(this, callback);
    pings += 1;
    // The answer can't be read before this is over.
    if (pings === 1) standStill(KEEPALIVE.timeoutMs + 500);
    return isSent;
  };
  try {
    await eventually(() => pings === 2, { timeoutMs: 60_000 });
  } finally {
    sessions.ping = ping;
  }
  expect(states).toEqual([]);
  expect(watch.state.status).toBe('live');
  await watch.close();
});

test('an answer to a ping is waited for while something else is received', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!);
  await using direct = etcdV3Store({ endpoints: etcd.endpoints });
  await using store = etcdV3Store({ endpoints: [proxy.endpoint], keepalive: { ...KEEPALIVE, timeoutMs: 1_000 } });
  const watch = store.watch({ prefix: '/slow/' });
  await watch.ready;
  const interrupted = new Promise<string>((resolve) => {
    watch.onState(({ status }) => {
      if (status === 'interrupted') resolve(status);
    });
  });
  // It takes nine seconds to come; a ping is sent after five.
  proxy.throttle(150_000, 'toClient');
  await direct.put('/slow/value', new Uint8Array(1_350_000));
  expect(await Promise.race([firstEvent(watch), interrupted])).toBe('/slow/value');
  await watch.close();
});
