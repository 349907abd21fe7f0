// A fence stops the writers of a real server: for the tests of both adapters.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fenced, type ConfigStore } from '@holdfast/store';
import { findEtcd, type Etcd } from '@holdfast/testkit';
import { startFor, type EtcdAdapter } from './adapter.js';
import { failure } from './failure.js';

export function testFence(adapter: EtcdAdapter): void {
  describe('a fence', () => {
    let etcd: Etcd;
    let store: ConfigStore;
    beforeAll(async () => {
      etcd = await startFor(adapter, findEtcd({}));
      store = adapter.open({ endpoints: etcd.endpoints });
    });
    afterAll(async () => {
      await store.close();
      await etcd.close();
    });

    test('stops all writers, and lets them go on when it is taken away', async () => {
      const view = fenced(store, { key: '/fence' });
      let latest = 0;
      const write = async (name: string): Promise<void> => {
        for (let n = 0; n < 100_000; n += 1) {
          try {
            const { revision } = await view.put(`/app/${name}`, String(n));
            latest = Math.max(latest, revision);
          } catch (error) {
            expect(error).toMatchObject({ code: 'conflict', outcome: 'not-applied' });
            return;
          }
        }
        throw new Error('the fence stopped nobody');
      };
      const writers = ['a', 'b', 'c', 'd'].map(write);
      while (latest === 0) await store.get('/app/a');
      const { revision } = await store.put('/fence', '');
      await Promise.all(writers);
      // Elsewhere a write that was under way may come in.
      if (store.capabilities.transactions === 'multi-key') expect(latest).toBeLessThan(revision);
      const { items } = await store.list({ prefix: '/app/' });
      expect(await failure(view.delete({ prefix: '/app/' }))).toMatchObject({ code: 'conflict' });
      expect(await failure(view.put('/app/a', 'x', { ttl: 60 }))).toMatchObject({ code: 'conflict' });
      expect((await store.list({ prefix: '/app/' })).items).toEqual(items);
      await store.delete('/fence');
      expect(await view.put('/app/a', 'again', { ifPresent: true })).toMatchObject({ succeeded: true });
    });
  });
}
