// Checks the promises of a mirror on the embedded store, on the runtime that runs this program.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { json, mirror } from '@holdfast/core';
import { memoryStore } from '@holdfast/memory';
import { isStoreError } from '@holdfast/store';

// Both forms of each package load.
const require = createRequire(import.meta.url);
for (const name of Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).dependencies)) {
  // A command has nothing to import.
  if (!('.' in JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).exports)) continue;
  assert.deepEqual(Object.keys(require(name)).sort(), Object.keys(await import(name)).sort());
}

const store = memoryStore();
const { revision } = await store.put('/app/a', '{"n":1}');
const schema = {
  '~standard': {
    version: 1,
    vendor: 'here',
    validate: (value) => (typeof value.n === 'number' ? { value } : { issues: [{ message: 'n is no number' }] }),
  },
};
const mirrored = await mirror(store, { prefix: '/app/', codec: json(), schema });
assert.deepEqual(mirrored.get('a')?.value, { n: 1 });

const seen = [];
mirrored.on('change', ({ changes }) => seen.push(changes.map(({ type, key }) => `${type} ${key}`).join(', ')));
await store.txn({
  then: [
    { type: 'put', key: '/app/b', value: '{"n":2}' },
    { type: 'put', key: '/app/c', value: '{"n":3}' },
  ],
});
await store.delete('/app/c');
await store.put('/app/a', '{"n":"bad"}');
await mirrored.sync();
assert.deepEqual(seen, ['put b, put c', 'delete c']);
assert.deepEqual(mirrored.get('a')?.value, { n: 1 });
assert.deepEqual(
  mirrored.problems().map(({ key }) => key),
  ['a'],
);

// A watch from a revision before the compaction gets an error, and a new mirror loads the current content.
await store.compact((await store.status()).revision);
const old = store.watch(
  { prefix: '/app/' },
  { after: { revision, identity: (await store.list('/app/a')).bookmark.identity } },
);
const ended = await old[Symbol.asyncIterator]()
  .next()
  .catch((error) => error);
assert.equal(isStoreError(ended) && ended.code, 'compacted');
await mirrored.close();
await store.close();
console.log('ok');
