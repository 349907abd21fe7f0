// One signal, or one store, behind many things at once, as large applications have them. Node warns of a leak at the eleventh listener of
// a signal: nobody is to see that, nor to have to raise the limit of a signal.
import { mirror, text, type Mirror } from '@holdfast/core';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import { readOnly, withPrefix, type ConfigStore } from '@holdfast/store';
import { eventually, reservePort, startEtcd } from '@holdfast/testkit';

const MANY = 30;

export interface Input {
  readonly backend: 'memory' | 'etcd-v3' | 'etcd-v2';
  readonly view: 'none' | 'withPrefix' | 'readOnly';
}

export interface Result {
  readonly warnings: readonly string[];
}

const many = <T>(make: (index: number) => T): T[] => Array.from({ length: MANY }, (_, index) => make(index));

async function open({ backend, view }: Input): Promise<{ store: ConfigStore; close: () => Promise<void> }> {
  const opened = await openBackend(backend);
  const store =
    view === 'withPrefix'
      ? withPrefix(opened.store, '/view', { owned: true })
      : view === 'readOnly'
        ? readOnly(opened.store, { owned: true })
        : opened.store;
  return { ...opened, store };
}

async function openBackend(backend: Input['backend']): Promise<{ store: ConfigStore; close: () => Promise<void> }> {
  if (backend === 'memory') return { store: memoryStore(), close: () => Promise.resolve() };
  const etcd = await startEtcd({ enableV2: true });
  // Thirteen members that are down, and the last one that is not.
  const down = await Promise.all(Array.from({ length: 13 }, reservePort));
  const endpoints = [...down.map(({ port }) => `http://127.0.0.1:${port}`), ...etcd.endpoints];
  const store = backend === 'etcd-v3' ? etcdV3Store({ endpoints }) : etcdV2Store({ endpoints });
  const close = async () => {
    for (const port of down) port.release();
    await etcd.close();
  };
  return { store, close };
}

async function useOneSignal(store: ConfigStore, mirrored: Mirror<string>, signal: AbortSignal): Promise<void> {
  const watches = many((index) => store.watch({ prefix: `/${index}/` }, { signal }));
  await Promise.all(watches.map(({ ready }) => ready));
  const ends = watches.map(async (watch) => {
    for await (const _ of watch);
  });
  const mirrors = await Promise.all(many((index) => mirror(store, { prefix: `/${index}/`, codec: text(), signal })));
  for (const _ of many(Boolean)) mirrored.subscribe(() => undefined, { signal });
  const streams = many(() => mirrored.changes({ signal }).next());
  await Promise.all(many(() => store.list({ prefix: '/' }, { signal })));
  await Promise.all(many(() => mirrored.sync({ signal })));
  const waits = many(() => mirrored.waitFor(2 ** 52, { signal, timeoutMs: 60_000 }));
  const results = Promise.allSettled<unknown>([...ends, ...streams, ...waits]);
  aborting.abort();
  await results;
  await eventually(() => mirrors.every(({ state }) => state.status === 'closed'));
}

const aborting = new AbortController();

export async function run(input: Input): Promise<Result> {
  const warnings: string[] = [];
  process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`));
  const { store, close } = await open(input);
  const mirrored = await mirror(store, { prefix: '/', codec: text(), startTimeoutMs: 60_000 });
  await Promise.all(many(() => mirrored.sync()));
  await Promise.all(many((index) => store.get(`/${index}`, { timeoutMs: 60_000 })));
  await useOneSignal(store, mirrored, aborting.signal);
  await mirrored.close();
  await store.close();
  await close();
  // Node warns in a later turn.
  await new Promise((resolve) => setImmediate(resolve));
  return { warnings };
}
