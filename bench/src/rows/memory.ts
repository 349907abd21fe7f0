import { keyOf } from '../data/dataset.js';
import { seed } from '../peers/seed.js';
import { digestSorted } from '../data/digest.js';
import { retainedBytes } from '../harness/measure.js';
import type { Row, Side } from '../harness/row.js';
import { number, text } from '../harness/task.js';
import { connectEtcd3, ETCD3_WINDOW_OPTIONS } from '../peers/etcd3.js';
import { loadEtcd3Json, loadMirror, type Load } from '../peers/loaders.js';

/** A side that loads a prefix and keeps it. */
function keepingSide(label: string, load: Load, digested = true): Side {
  return {
    label,
    async run({ params }) {
      const endpoint = text(params, 'endpoint');
      const prefix = text(params, 'prefix');
      const keys = number(params, 'keys');
      // The first time makes everything that is made once.
      const small = await load(endpoint, text(params, 'warmupPrefix'));
      await small.close();
      const before = await retainedBytes();
      const loaded = await load(endpoint, prefix);
      const bytes = (await retainedBytes()) - before;
      const digest = digested ? { digest: loaded.digest() } : {};
      await loaded.close();
      return { figures: { perKey: bytes / keys }, ...digest };
    },
  };
}

const keysOnly: Load = async (endpoint, prefix) => {
  const client = await connectEtcd3(endpoint);
  const map = new Map((await client.getAll().prefix(prefix).keys()).map((key) => [key, true]));
  return { content: map, digest: () => '', close: () => void client.close() };
};

const objects: Load = async (endpoint, prefix) => {
  const client = await connectEtcd3(endpoint);
  const { kvs } = await client.getAll().prefix(prefix).exec();
  const map = new Map(kvs.map((kv) => [kv.key.toString(), kv]));
  const digest = () => digestSorted([...map].map(([key, { value }]) => [key, value]));
  return { content: map, digest, close: () => void client.close() };
};

const strings: Load = async (endpoint, prefix) => {
  const client = await connectEtcd3(endpoint);
  const map = new Map(Object.entries(await client.getAll().prefix(prefix).strings()));
  return { content: map, digest: () => digestSorted(map), close: () => void client.close() };
};

export const row: Row = {
  name: 'memory',
  title: 'Memory per key',
  about: `Heap and external memory after a garbage collection, divided by the number of keys. Keys are ${keyOf('/bench/routes/', 0).length} bytes long, values about 530.`,
  server: 'etcd',
  ours: ['lazy', 'eager'],
  sides: {
    lazy: keepingSide("mirror, decode: 'lazy'", loadMirror('lazy')),
    eager: keepingSide("mirror, decode: 'eager', JSON", loadMirror('eager')),
    keysOnly: keepingSide('Map of the keys alone', keysOnly, false),
    strings: keepingSide('Map of strings, by etcd3', strings),
    objects: keepingSide("Map of etcd3's objects", objects),
    json: keepingSide('Map of parsed JSON, by etcd3', loadEtcd3Json(ETCD3_WINDOW_OPTIONS)),
  },
  metrics: { perKey: { label: 'memory a key', unit: 'bytes' } },
  goals: [
    {
      what: 'lazy mirror, memory a key above a Map of the keys alone',
      ours: { side: 'lazy', metric: 'perKey' },
      kind: 'above',
      peer: { side: 'keysOnly', metric: 'perKey' },
      limit: 700,
    },
  ],
  async start(bench) {
    const { endpoint } = await bench.etcd();
    const { keys, warmupKeys } = bench.scale;
    const params = { endpoint, prefix: '/bench/routes/', warmupPrefix: '/bench/warmup/', keys };
    await seed(endpoint, params.prefix, keys);
    await seed(endpoint, params.warmupPrefix, warmupKeys);
    return () => bench.inTurn(params);
  },
};
