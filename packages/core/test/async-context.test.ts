import { AsyncLocalStorage } from 'node:async_hooks';
import { memoryStore } from '@holdfast/memory';
import { DelegatingDriver, createStore } from '@holdfast/store/adapter';
import { virtualClock } from '@holdfast/testkit';
import { expect, test } from '@jest/globals';
import { json, mirror } from '../src/index.js';
import { replicate } from '../src/replicate/index.js';
import { moving, until } from './support/snapshots.js';

const requests = new AsyncLocalStorage<string>();

/** A store that notes for which request it is called. */
function noting(data = memoryStore(), clock = virtualClock()) {
  const noted: (string | undefined)[] = [];
  const note = () => noted.push(requests.getStore());
  class Noting extends DelegatingDriver {
    override list(...call: Parameters<DelegatingDriver['list']>): ReturnType<DelegatingDriver['list']> {
      note();
      return super.list(...call);
    }
    override scan(...call: Parameters<DelegatingDriver['scan']>): ReturnType<DelegatingDriver['scan']> {
      note();
      return super.scan(...call);
    }
    override txn(...call: Parameters<DelegatingDriver['txn']>): ReturnType<DelegatingDriver['txn']> {
      note();
      return super.txn(...call);
    }
    override watch(...call: Parameters<DelegatingDriver['watch']>): ReturnType<DelegatingDriver['watch']> {
      note();
      return super.watch(...call);
    }
  }
  return { data, noted, clock, store: createStore(new Noting(data), { clock }) };
}

test('a mirror works for nobody in particular: neither its calls nor its events belong to the request that opened it', async () => {
  const { data, noted, clock, store } = noting();
  const opened = await requests.run('a request', () =>
    moving(clock, mirror(store, { prefix: '/a/', codec: json(), clock })),
  );
  const events: (string | undefined)[] = [];
  opened.on('change', () => events.push(requests.getStore()));
  await data.put('/a/x', '1');
  await until(clock, () => opened.has('x'));
  const before = noted.length;
  await until(clock, () => noted.length > before + 3, 300_000);
  expect(new Set(noted)).toEqual(new Set([undefined]));
  expect(events).toEqual([undefined]);
  await moving(clock, opened.close());
});

test('a replication goes on outside of the request that began it', async () => {
  const { data, store } = noting();
  const { noted, data: target, store: to } = noting();
  const replication = await requests.run('a request', () => replicate(store, to, { prefix: '/a/', name: 'r' }));
  noted.length = 0;
  await data.put('/a/x', '1');
  await replication.sync();
  expect((await target.get('/a/x'))?.value).toBeDefined();
  expect(noted.length).toBeGreaterThan(0);
  expect(new Set(noted)).toEqual(new Set([undefined]));
  await replication.close();
});
