// Bundled in place of the service of docs/bundling.md: what needs 64-bit integers, streams and each kind of message.
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { mirror, text } from '@holdfast/core';
import { etcdV3 } from '@holdfast/etcd-v3';
import { memory } from '@holdfast/memory';
import { isStoreError, openStore } from '@holdfast/store';

/** No double holds it. */
const ID = '9007199254740993';

async function main(): Promise<void> {
  const url = process.env['CONFIG_STORE'] ?? 'memory:';
  const store = await openStore(url, { adapters: [etcdV3, memory] });
  const { revision } = await store.put('/check/a', 'one');
  strictEqual(new TextDecoder().decode((await store.get('/check/a'))?.value), 'one');

  const watch = store.watch({ prefix: '/check/' });
  await watch.ready;
  const config = await mirror(store, { prefix: '/check/', codec: text() });
  const txn = await store.txn({
    if: [{ key: '/check/a', target: 'modRevision', op: '=', value: revision }],
    then: [
      { type: 'put', key: '/check/a', value: 'two' },
      { type: 'get', key: '/check/a' },
    ],
  });
  ok(txn.succeeded);
  await config.sync();
  strictEqual(config.get('a')?.value, 'two');
  for await (const batch of watch) {
    deepStrictEqual(
      batch.events.map(
        (event) => event.type === 'put' && [event.current.key, new TextDecoder().decode(event.current.value)],
      ),
      [['/check/a', 'two']],
    );
    break;
  }

  const lease = await store.leases.grant(60, { id: ID });
  strictEqual(lease.id, ID);
  await store.put('/check/leased', '', { lease: ID });
  strictEqual((await store.get('/check/leased'))?.lease, ID);
  await store.leases.keepAlive(ID);
  strictEqual((await store.leases.timeToLive(ID, { keys: true })).id, ID);
  await store.leases.revoke(ID);
  const error: unknown = await store.leases.timeToLive(ID).catch((cause: unknown) => cause);
  ok(isStoreError(error, 'lease-not-found'), String(error));
  await store.delete({ prefix: '/check/' });
  await store.compact((await store.list({ prefix: '/check/' })).bookmark.revision);
  const { identity } = await store.status();
  if (store.name === 'etcd-v3') strictEqual(identity, process.env['CLUSTER_ID']);
  await config.close();
  await store.close();
  console.log('checked');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
