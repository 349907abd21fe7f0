import { bytes, mirror } from '@holdfast/core';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import type { ConfigStore, Op } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';

export interface ManyKeysInput {
  /** Of a server; without one it is a memory store. */
  readonly endpoint: string | undefined;
  readonly keys: number;
}

export interface ManyKeysResult {
  readonly size: number;
  /** How many changes were made while the mirror and a watch were open, and how many of them each has told of. */
  readonly made: number;
  readonly watched: number;
  readonly told: number;
  /** How many keys are different at the end. */
  readonly differences: number;
  readonly state: string;
}

const PREFIX = '/many/';
const key = (n: number): string => PREFIX + String(n).padStart(7, '0');

/** Writes in transactions of as many keys as etcd takes, several at a time. */
async function fill(store: ConfigStore, from: number, to: number, value: string): Promise<number> {
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < to) {
      const first = next;
      next = Math.min(to, first + 128);
      const then = Array.from({ length: next - first }, (_, n): Op => ({ type: 'put', key: key(first + n), value }));
      await store.txn({ then });
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  return to - from;
}

/** A mirror of as many small keys, with a watch beside it, while a part of them changes. */
export async function run({ endpoint, keys }: ManyKeysInput): Promise<ManyKeysResult> {
  const store = endpoint === undefined ? memoryStore() : etcdV3Store({ endpoints: [endpoint] });
  await fill(store, 0, keys, 'small');
  const mirrored = await mirror(store, {
    prefix: PREFIX,
    codec: bytes(),
    decode: 'lazy',
    startTimeoutMs: 120_000,
    livenessMs: 60_000,
  });
  let told = 0;
  mirrored.on('change', ({ changes }) => (told += changes.length));
  let watched = 0;
  const watch = store.watch({ prefix: PREFIX }, { after: mirrored.bookmark });
  const watching = (async () => {
    for await (const { events } of watch) watched += events.length;
  })();
  // Some at the beginning and at the end are changed, some go, and some come.
  let made = 0;
  made += await fill(store, 0, keys / 50, 'changed');
  made += await fill(store, keys - keys / 50, keys, 'changed');
  for (; made < keys / 25 + 500; made++) await store.delete(key((made * 7) % (keys / 50)));
  made += await fill(store, keys, keys + 500, 'new');
  await mirrored.sync({ timeoutMs: 60_000 });
  await eventually(() => watched === made && told === made, { timeoutMs: 60_000 });
  let differences = 0;
  let seen = 0;
  for await (const page of store.scan({ prefix: PREFIX })) {
    for (let index = 0; index < page.length; index++, seen++) {
      const shown = mirrored.get(page.key(index).slice(PREFIX.length));
      if (shown?.modRevision !== page.modRevision(index)) differences++;
    }
  }
  differences += Math.abs(seen - mirrored.size);
  const { size, state } = mirrored;
  await mirrored.close();
  await watch.close();
  await watching;
  await store.close();
  return { size, made, watched, told, differences, state: state.status };
}
