import { expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { StoreError, type Page } from '@holdfast/store';
import { DelegatingDriver, GuardedStore } from '@holdfast/store/adapter';
import { startEtcd, startProxy } from '@holdfast/testkit';
import { command, jsonLines, sharedMemory, startCommand } from '../support/command.js';

test('what is there is printed, and then each change', async () => {
  const shared = sharedMemory();
  const { store } = shared;
  await store.put('/m/a', '1');
  await store.put('/other', '1');
  const mirror = startCommand(['mirror', '/m/'], shared);
  await mirror.shows('/m/a');
  await store.put('/m/b', 'two');
  await mirror.shows('create');
  await store.put('/m/a', '3');
  await mirror.shows('update');
  await store.delete('/m/b');
  await mirror.shows('delete');
  mirror.signal('SIGINT');
  expect(await mirror.code).toBe(130);
  expect(mirror.out).toBe('2\tload\t/m/a\t1\n4\tcreate\t/m/b\ttwo\n5\tupdate\t/m/a\t3\n6\tdelete\t/m/b\n');
  expect(mirror.err).toBe('');
});

test('with --json each line has the whole key, the value and the bookmark', async () => {
  const shared = sharedMemory();
  await shared.store.put('/m/a', new Uint8Array([0xff]));
  const mirror = startCommand(['mirror', '/m/', '--json'], shared);
  await mirror.shows('/m/a');
  mirror.signal('SIGTERM');
  expect(await mirror.code).toBe(143);
  expect(jsonLines(mirror.out)).toMatchObject([
    {
      type: 'put',
      key: '/m/a',
      cause: 'load',
      bookmark: { revision: 2 },
      current: { key: '/m/a', valueBase64: '/w==', modRevision: 2 },
    },
  ]);
});

test('a compaction during an outage is survived: the differences are printed', async () => {
  await using etcd = await startEtcd({ version: '3.6' });
  await using proxy = await startProxy(etcd.endpoints[0]!);
  const env = { HOLDFAST_STORE: proxy.endpoint.replace('http:', 'etcd-v3:') };
  for (const key of ['/m/a', '/m/b']) await etcd.put(key, '1');
  const mirror = startCommand(['mirror', '/m/'], { env });
  await mirror.shows('/m/b');
  proxy.refuse();
  proxy.cut();
  await mirror.shows('changes may be late');
  await etcd.put('/m/a', '2');
  await etcd.put('/m/c', '3');
  await etcd.ctl('del', '/m/b');
  await etcd.compact();
  await proxy.allow();
  await mirror.shows('/m/c');
  await mirror.shows('The mirror is live again.');
  mirror.signal('SIGINT');
  expect(await mirror.code).toBe(130);
  const lines = mirror.out
    .trimEnd()
    .split('\n')
    .slice(2)
    .map((line) => line.split('\t').slice(1).join(' '));
  expect(lines.sort()).toEqual(['create /m/c 3', 'delete /m/b', 'update /m/a 2']);
});

test('a store that is not there is told, and is no endless wait', async () => {
  await using proxy = await startProxy('http://127.0.0.1:9');
  proxy.refuse();
  const env = { HOLDFAST_STORE: proxy.endpoint.replace('http:', 'etcd-v3:') };
  const { code, err } = await command(['mirror', '/m/', '--timeout', '0.5'], { env });
  expect(code).toBe(3);
  expect(err).toContain('holdfast:');
});

test('a first load that fails is told while it is tried again', async () => {
  let isOut = true;
  class Flaky extends DelegatingDriver {
    override scan(...args: Parameters<DelegatingDriver['scan']>): AsyncIterable<Page> {
      if (isOut) throw new StoreError('unavailable', 'no leader', { retryable: true });
      return super.scan(...args);
    }
  }
  const shared = sharedMemory(new GuardedStore(new Flaky(memoryStore())));
  await shared.store.put('/m/a', '1');
  const mirror = startCommand(['mirror', '/m/'], shared);
  await mirror.shows('no leader');
  isOut = false;
  await mirror.shows('/m/a');
  mirror.signal('SIGINT');
  expect(await mirror.code).toBe(130);
  expect(mirror.err).toBe('Not loaded yet: no leader\n');
});
