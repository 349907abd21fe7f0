import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Change, ResyncEvent } from '@holdfast/core';
import { eventually, findEtcd } from '@holdfast/testkit';
import { collectionsOf, gatewayEntries, generateEntries } from './support/gateway-entries.js';
import { MirroredGateway } from './support/mirrored-gateway.js';

const { origin, entries } = gatewayEntries();

test('the generated configuration has good and bad values in several collections, as the real one has', () => {
  const generated = [...generateEntries(1_000)];
  expect(collectionsOf(generated)).toEqual(['consumers', 'routes', 'services', 'upstreams']);
  expect(generated).toEqual([...generateEntries(1_000)]);
  expect(new Set(generated.map(({ key }) => key)).size).toBe(1_000);
});

describe.each([findEtcd({})])(
  `${entries.length} entries of ${origin} gateway configuration in etcd $version`,
  ({ version }) => {
    let gateway: MirroredGateway;
    let put: (key: string, value: unknown) => Promise<string>;
    let remove: (...args: readonly string[]) => Promise<string>;

    beforeEach(async () => {
      gateway = await MirroredGateway.start(version, entries);
      put = (key, value) =>
        gateway.etcd.ctl('put', `/apisix/${key}`, typeof value === 'string' ? value : JSON.stringify(value));
      remove = (key, ...args) => gateway.etcd.ctl('del', `/apisix/${key}`, ...args);
    });

    afterEach(async () => {
      await gateway.close();
    });

    /** A key of the collection that is there and good. */
    const someKey = (collection: string, index = 0) => [...gateway.of(collection).keys()][index] ?? 'none';

    test('every mirror shows what etcdctl prints, its bad values listed', async () => {
      await gateway.expectEqual();
      expect(gateway.mirrors.size).toBe(collectionsOf(entries).length);
      expect(gateway.of('routes').size).toBeGreaterThan(1_000);
      expect(gateway.of('routes').problems().length).toBeGreaterThan(0);
    });

    test.each([
      ['a change', (key: string) => put(`routes/${key}`, { uri: '/changed' })],
      ['a deletion', (key: string) => remove(`routes/${key}`)],
      ['a bad value', (key: string) => put(`routes/${key}`, 'bad')],
    ])('a mirror that missed %s would be found', async (_what, miss) => {
      await gateway.expectEqual();
      await gateway.of('routes').close(); // It shows what it had, and follows no more.
      await gateway.expectAsPrinted();
      await miss(someKey('routes'));
      await expect(gateway.expectAsPrinted()).rejects.toThrow('expect');
    });

    test('changes and deletions by etcdctl come through, in every collection', async () => {
      await gateway.expectEqual();
      for (const name of gateway.mirrors.keys()) {
        await put(`${name}/${someKey(name)}`, { username: 'changed', uri: '/changed', desc: 'Ünïcödé 网关' });
        await put(`${name}/new`, { username: 'new', uri: '/new' });
        await remove(`${name}/${someKey(name, 1)}`);
      }
      await gateway.expectEqual();
      await remove('services/', '--prefix');
      await gateway.etcd.ctlWith(
        ['', 'put /apisix/routes/together "{\\"uri\\":\\"/together\\"}"', 'del /apisix/upstreams/new', '', '', ''].join(
          '\n',
        ),
        'txn',
      );
      await gateway.expectEqual();
      expect(gateway.of('services').size).toBe(0);
      expect(gateway.of('routes').get('together')?.value).toEqual({ uri: '/together' });
    });

    test('bad values by etcdctl are kept out, and the last good ones stay until they are mended or deleted', async () => {
      await gateway.expectEqual();
      const [first, second] = [someKey('routes'), someKey('routes', 1)];
      const before = gateway.of('routes').get(first);
      const listed = gateway.of('routes').problems().length;
      await put(`routes/${first}`, { uri: 42 });
      await put(`routes/${second}`, '{"uri": "/cut of');
      await put('routes/never-good', { no: 'uri' });
      await gateway.expectEqual();
      expect(gateway.of('routes').get(first)).toBe(before);
      expect(gateway.of('routes').problems().length).toBe(listed + 3);
      await put(`routes/${first}`, { uri: '/mended' });
      await remove(`routes/${second}`);
      await remove('routes/never-good');
      await gateway.expectEqual();
      expect(gateway.of('routes').problems().length).toBe(listed);
      expect(gateway.of('routes').get(second)).toBeUndefined();
    });

    test('etcd killed and started again, twice, with changes right after: nothing is missed', async () => {
      await gateway.expectEqual();
      const [member] = gateway.etcd.members;
      for (let round = 0; round < 2; round += 1) {
        await put(`routes/before-${round}`, { uri: `/before/${round}` });
        await member?.kill();
        await member?.start();
        await put(`routes/after-${round}`, { uri: `/after/${round}` });
        await remove(`consumers/${someKey('consumers', round)}`);
        await eventually(() => gateway.expectEqual(), { timeoutMs: 40_000 });
      }
      expect(gateway.of('routes').get('after-1')?.value).toEqual({ uri: '/after/1' });
    });

    test('compacted while cut off: the resync tells the net changes only', async () => {
      await gateway.expectEqual();
      const routes = gateway.of('routes');
      const [changed, deleted, kept] = [someKey('routes'), someKey('routes', 1), someKey('routes', 2)];
      const keptBefore = routes.get(kept);
      const changes: Change<object>[] = [];
      const resyncs: ResyncEvent[] = [];
      gateway.proxy.refuse();
      gateway.proxy.cut();
      // Listening begins once the connection is gone: a batch that was under way is none of the resync's.
      for (const [name, mirrored] of gateway.mirrors) {
        mirrored.on('change', (step) => changes.push(...step.changes));
        if (name === 'routes') mirrored.on('resync', (event) => resyncs.push(event));
      }
      for (let round = 0; round < 3; round += 1) await put(`routes/${changed}`, { uri: `/changed/${round}` });
      await put('routes/came', { uri: '/came' });
      await put('routes/came-and-went', { uri: '/gone' });
      await remove('routes/came-and-went');
      await remove(`routes/${deleted}`);
      await gateway.etcd.compact();
      await gateway.proxy.allow();
      await gateway.expectEqual();
      expect(changes.map(({ type, key }) => `${type} ${key}`).sort()).toEqual(
        [`delete ${deleted}`, 'put came', `put ${changed}`].sort(),
      );
      expect(resyncs.map(({ reason, changed: count }) => [reason, count])).toEqual([['compacted', 3]]);
      expect(routes.get(kept)).toBe(keptBefore);
    });

    test('compacted and restarted while nothing changes: nothing is told, and the mirrors are live', async () => {
      await gateway.expectEqual();
      const told: string[] = [];
      for (const mirrored of gateway.mirrors.values()) {
        mirrored.on('change', ({ changes }) => told.push(...changes.map(({ type, key }) => `${type} ${key}`)));
      }
      const [member] = gateway.etcd.members;
      await gateway.etcd.compact();
      await member?.kill();
      await member?.start();
      await eventually(() => gateway.expectEqual(), { timeoutMs: 40_000 });
      expect(told).toEqual([]);
      await put('routes/then', { uri: '/then' });
      await gateway.expectEqual();
      // By the watch; or by a proof's read, where the watch is not back yet.
      expect(told).toEqual(['put then']);
    });

    test('closed, nothing of it is left at the server', async () => {
      await gateway.expectEqual();
      const watchers = () => gateway.etcd.metric('etcd_debugging_mvcc_watcher_total');
      await eventually(async () => expect(await watchers()).toBe(gateway.mirrors.size));
      await Promise.all([...gateway.mirrors.values()].map((each) => each.close()));
      await eventually(async () => {
        expect(await watchers()).toBe(0);
      });
    });
  },
);
