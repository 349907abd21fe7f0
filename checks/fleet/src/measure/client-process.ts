// A process with mirrors, as a part of a fleet is: `node client-process.js ENDPOINT MIRRORS`. It tells its parent when they are loaded,
// and, for each revision that it is sent, the CPU time that it has used when all of them have it.
import { json, mirror } from '@holdfast/core';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { ownCpuMs } from './cpu.js';
import { PREFIX } from './sizes.js';

process.send?.(ownCpuMs());
const [, , endpoint = '', count = '1'] = process.argv;
const open = async () => {
  const store = etcdV3Store({ endpoints: [endpoint] });
  return mirror(store, { prefix: PREFIX.prefix, codec: json(), decode: 'lazy', startTimeoutMs: 120_000 });
};
const mirrors = await Promise.all(Array.from({ length: Number(count) }, open));
process.on('message', (revision: number) => {
  void Promise.all(mirrors.map((each) => each.waitFor(revision, { timeoutMs: 120_000 }))).then(() =>
    process.send?.(ownCpuMs()),
  );
});
process.send?.(ownCpuMs());
