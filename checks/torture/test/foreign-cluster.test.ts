// What somebody did at a cluster of another identity is found, on real servers.
import { describe, expect, test } from '@jest/globals';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { eventually, Random } from '@holdfast/testkit';
import { allCells } from '../src/cell.js';
import { ForeignCluster } from '../src/foreign-cluster.js';
import { COUNTER } from '../src/keys.js';
import { PREFIX } from '../src/world.js';

describe.each(['v3', 'v2'] as const)('a foreign cluster, by the API %s', (api) => {
  test('that was left alone gives no cause for complaint; a write and a watch are found', async () => {
    const cell = allCells.find((each) => each.api === api)!;
    const foreign = await ForeignCluster.start(cell, new Random(1));
    const options = { endpoints: [foreign.endpoint] };
    const store = api === 'v3' ? etcdV3Store(options) : etcdV2Store(options);
    try {
      await store.get(COUNTER);
      expect(await foreign.trespasses()).toEqual([]);
      await store.put(COUNTER, '1');
      const watch = store.watch({ prefix: PREFIX });
      await watch.ready;
      await eventually(async () => {
        const found = await foreign.trespasses();
        expect(found.map(({ guarantee }) => guarantee)).toEqual(['foreign', 'foreign']);
        expect(found[0]?.message).toContain(COUNTER);
        expect(found[1]?.message).toContain('watches are held');
      });
    } finally {
      await store.close();
      await foreign.close();
    }
  });
});
