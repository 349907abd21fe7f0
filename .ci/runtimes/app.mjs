// A mirror of `/app/` in a store, as an application has one. Lines of JSON on standard input ask for its view, make it write, and close
// it; each is answered with a line. Nothing here ends the process: once everything is closed, it must end by itself.
import { createInterface } from 'node:readline';
import { mirror, text } from '@holdfast/core';
import { etcdV2 } from '@holdfast/etcd-v2';
import { etcdV3 } from '@holdfast/etcd-v3';
import { openStore } from '@holdfast/store';

const store = await openStore(process.argv[2], { adapters: [etcdV3, etcdV2] });
const mirrored = await mirror(store, { prefix: '/app/', codec: text() });
const causes = new Set();
mirrored.on('change', ({ cause }) => causes.add(cause));

const calls = {
  view: () => ({
    view: Object.fromEntries([...mirrored].map(([key, { value }]) => [key, value])),
    status: mirrored.state.status,
    causes: [...causes],
  }),
  put: async ({ key, value }) => {
    const { revision } = await store.put(key, value);
    return { revision };
  },
  txn: async ({ keys, value }) => {
    const { succeeded } = await store.txn({ then: keys.map((key) => ({ type: 'put', key, value })) });
    return { succeeded };
  },
  close: async () => {
    await mirrored.close();
    await store.close();
    lines.close();
    return {};
  },
};

const say = (answer) => console.log(JSON.stringify(answer));
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { id, call, ...rest } = JSON.parse(line);
  Promise.resolve(calls[call](rest)).then(
    (result) => say({ id, result }),
    (error) => say({ id, error: String(error) }),
  );
});
say({ id: 0, result: {} });
