// A mirror says at once that its store is gone: for the tests of both adapters.
import { expect, test } from '@jest/globals';
import { mirror, text, type MirrorState } from '@holdfast/core';
import { eventually, findEtcd } from '@holdfast/testkit';
import { startFor, type EtcdAdapter } from './adapter.js';

/** As long as an operator may wait for a sign, in milliseconds. */
const PROMPTLY_MS = 5_000;

export function testOutageShown(adapter: EtcdAdapter): void {
  test('kill -9 of etcd shows in the state of a mirror within seconds, and so does its return', async () => {
    const etcd = await startFor(adapter, findEtcd({}));
    const [member] = etcd.members;
    const store = adapter.open({ endpoints: etcd.endpoints });
    // By default a proof lasts half a minute: the status has no reason to change.
    const config = await mirror(store, { prefix: '/app/', codec: text() });
    try {
      await store.put('/app/a', '1');
      await eventually(() => config.get('a')?.value === '1');
      const told: MirrorState[] = [];
      config.on('state', (state) => told.push(state));
      await member!.kill();
      await eventually(() => told.length > 0, { timeoutMs: PROMPTLY_MS });
      expect(told[0]).toMatchObject({
        status: 'live',
        connection: 'interrupted',
        cause: { code: 'unavailable', endpoint: etcd.endpoints[0] },
      });
      expect(config.health()).toMatchObject({ ready: true, status: 'live', connection: 'interrupted' });
      expect(config.get('a')?.value).toBe('1');
      await member!.start();
      await eventually(() => config.state.connection === 'connected');
      expect(config.health()).toMatchObject({ ready: true, status: 'live', staleMs: 0 });
      await store.put('/app/a', '2');
      await eventually(() => config.get('a')?.value === '2');
    } finally {
      await config.close();
      await store.close();
      await etcd.close();
    }
  });
}
