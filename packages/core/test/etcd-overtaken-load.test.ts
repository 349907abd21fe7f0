// A load over a slow line, from a real server whose history is compacted several times while it goes on.
import { json, mirror } from '@holdfast/core';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore, Op } from '@holdfast/store';
import { availableEtcds, type Etcd, eventually, type Proxy, startEtcd, startProxy } from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Background, inBackground } from '../../../.ci/test/support/in-background.js';

const PREFIX = '/slow/';
// More than an adapter for etcd v2 has in a page.
const KEYS = 2_200;
const PATIENCE = { timeoutMs: 60_000, intervalMs: 20 };
/** For a load that takes about six seconds on an idle machine. */
const LOAD_MS = 60_000;
/** With values of some 400 bytes: everything takes about two seconds. */
const BYTES_PER_SECOND = 500_000;

jest.setTimeout(180_000);

const keyOf = (index: number) => `${PREFIX}k${String(index).padStart(4, '0')}`;
const valueOf = (n: number) => JSON.stringify({ n, text: 'x'.repeat(400) });

/** Does something again and again until it is stopped. */
function again(act: () => Promise<unknown>, everyMs: number): Background & { readonly times: number } {
  let times = 0;
  const loop = inBackground(async (isOver) => {
    while (!isOver()) {
      await act();
      times += 1;
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  });
  return {
    ...loop,
    get times() {
      return times;
    },
  };
}

async function contentOf(store: ConfigStore): Promise<Record<string, number>> {
  const { items } = await store.list({ prefix: PREFIX });
  return Object.fromEntries(items.map(({ key, modRevision }) => [key.slice(PREFIX.length), modRevision]));
}

// The newest: its compactions and its watches are those of all versions.
describe.each(availableEtcds({ api: 'v3' }).slice(-1))('a slow load from etcd $version', ({ version }) => {
  let etcd: Etcd;
  let proxy: Proxy;
  let writer: ConfigStore;
  beforeAll(async () => {
    etcd = await startEtcd({ version });
    proxy = await startProxy(etcd.endpoints[0]!);
    proxy.throttle(BYTES_PER_SECOND, 'toClient');
    writer = etcdV3Store({ endpoints: etcd.endpoints });
    for (let from = 0; from < KEYS; from += 100) {
      const puts = Array.from({ length: 100 }, (_, n): Op => ({
        type: 'put',
        key: keyOf(from + n),
        value: valueOf(0),
      }));
      await writer.txn({ then: puts });
    }
  });
  afterAll(async () => {
    await writer.close();
    await proxy.close();
    await etcd.close();
  });

  test.each(['eager', 'lazy'] as const)('ends although its history is compacted all the time (%s)', async (decode) => {
    let n = 0;
    await using storm = again(async () => {
      n += 1;
      await writer.put(keyOf((n * 37) % KEYS), valueOf(n));
      await writer.put('/elsewhere', String(n));
      await etcd.compact();
    }, 50);
    await using store = etcdV3Store({ endpoints: [proxy.endpoint] });
    await using mirrored = await mirror(store, {
      prefix: PREFIX,
      codec: json<{ n: number }>(),
      decode,
      startTimeoutMs: LOAD_MS,
    });
    let followed = 0;
    mirrored.on('change', ({ cause }) => (followed += cause === 'watch' ? 1 : 0));
    await eventually(() => followed > 3 && mirrored.state.status === 'live', PATIENCE);
    let resyncs = 0;
    // On a busy machine a read may be faster than events are.
    mirrored.on('resync', ({ reason }) => (resyncs += reason === 'behind' ? 0 : 1));
    const until = storm.times + 10;
    await eventually(() => storm.times > until, PATIENCE);
    expect([resyncs, mirrored.state.status]).toEqual([0, 'live']);
    await storm.stop();
    await mirrored.sync({ timeoutMs: PATIENCE.timeoutMs });
    const shown = Object.fromEntries([...mirrored].map(([key, { modRevision }]) => [key, modRevision]));
    expect(shown).toEqual(await contentOf(writer));
  });
});

// Etcd v2 keeps the last thousand events of the whole server: with more in the time of a load, no watch can go on from it.
describe.each(availableEtcds({ api: 'v2' }).slice(-1))(
  'a slow load from the v2 API of etcd $version',
  ({ version }) => {
    test('is followed on, although more is written meanwhile than the server remembers', async () => {
      await using etcd = await startEtcd({ version, enableV2: true });
      await using proxy = await startProxy(etcd.endpoints[0]!);
      await using writer = etcdV2Store({ endpoints: etcd.endpoints });
      for (let from = 0; from < 400; from += 50)
        await Promise.all(Array.from({ length: 50 }, (_, n) => writer.put(keyOf(from + n), valueOf(0))));
      proxy.throttle(BYTES_PER_SECOND / 5, 'toClient');
      let n = 0;
      await using storm = again(async () => {
        await Promise.all(Array.from({ length: 40 }, () => writer.put('/elsewhere', String((n += 1)))));
      }, 0);
      await using store = etcdV2Store({ endpoints: [proxy.endpoint] });
      await using mirrored = await mirror(store, { prefix: PREFIX, codec: json<{ n: number }>() });
      // What comes through the watch, and not through another load.
      let followed = 0;
      mirrored.on('change', ({ cause }) => (followed += cause === 'watch' ? 1 : 0));
      await eventually(async () => {
        await writer.put(keyOf(7), valueOf((n += 1)));
        return followed > 2 && mirrored.state.status === 'live';
      }, PATIENCE);
      await storm.stop();
      await mirrored.sync({ timeoutMs: PATIENCE.timeoutMs });
      const shown = Object.fromEntries([...mirrored].map(([key, { modRevision }]) => [key, modRevision]));
      expect(shown).toEqual(await contentOf(writer));
    });
  },
);
