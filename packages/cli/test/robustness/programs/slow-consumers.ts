import { mirror, text } from '@holdfast/core';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import type { ConfigStore, Watch } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import { heapUsed } from './heap.js';

export interface SlowConsumersInput {
  readonly backend: 'memory' | 'etcd-v3' | 'etcd-v2';
  readonly endpoint: string;
  /** How many consumers read nothing, and how many bytes each of their watches may hold for them. */
  readonly consumers: number;
  readonly bufferBytes: number;
  /** How many values are written, in turn to a few keys, and how large each is. */
  readonly writes: number;
  readonly valueBytes: number;
}

export interface SlowConsumersResult {
  readonly written: readonly number[];
  /** What the consumer that kept up was told by the time when the others had read nothing. */
  readonly live: readonly number[];
  /** What each of the others was told when it went on reading. */
  readonly late: readonly (readonly number[])[];
  /** What was held for those that did not read, in bytes. */
  readonly heldBytes: number;
  readonly mirrorStates: readonly string[];
}

const OPEN = {
  memory: () => memoryStore(),
  'etcd-v3': (endpoint: string) => etcdV3Store({ endpoints: [endpoint] }),
  'etcd-v2': (endpoint: string) => etcdV2Store({ endpoints: [endpoint] }),
} satisfies Record<SlowConsumersInput['backend'], (endpoint: string) => ConfigStore>;

const PREFIX = '/slow/';
const PATIENCE = { timeoutMs: 30_000 };

function openAll(store: ConfigStore, { consumers, bufferBytes }: SlowConsumersInput): Watch[] {
  return Array.from({ length: consumers }, () => store.watch({ prefix: PREFIX }, { bufferBytes }));
}

/** Reads until it has had this many events. */
async function read(watch: Watch, count: number): Promise<number[]> {
  const revisions: number[] = [];
  for await (const { events } of watch) {
    for (const { revision } of events) revisions.push(revision);
    if (revisions.length >= count) break;
  }
  return revisions;
}

/** Consumers that stop reading beside one that does not, and beside a mirror, all on one store. */
export async function run(input: SlowConsumersInput): Promise<SlowConsumersResult> {
  const { backend, endpoint, writes, valueBytes } = input;
  const store = OPEN[backend](endpoint);
  const mirrorStates: string[] = [];
  const mirrored = await mirror(store, { prefix: PREFIX, codec: text() });
  mirrored.on('state', ({ status }) => mirrorStates.push(status));
  const reading = store.watch({ prefix: PREFIX });
  // One set is let go unread, so that it shows what was held for it; the other one goes on later.
  const [unread, stalled] = [openAll(store, input), openAll(store, input)];
  await Promise.all([reading, ...unread, ...stalled].map(({ ready }) => ready));
  const live: number[] = [];
  const following = (async () => {
    for await (const { events } of reading) for (const { revision } of events) live.push(revision);
  })();

  const written: number[] = [];
  for (let n = 0; n < writes; n++) {
    written.push((await store.put(`${PREFIX}${n % 5}`, String(n).padEnd(valueBytes, '-'))).revision);
  }
  const last = written.at(-1) ?? 0;
  await eventually(() => live.at(-1) === last, PATIENCE);
  await mirrored.sync(PATIENCE);
  const told = [...live];
  const before = await heapUsed();
  await Promise.all(unread.map((watch) => watch.close()));
  const heldBytes = before - (await heapUsed());

  const late = await Promise.all(stalled.map((watch) => read(watch, writes)));
  await mirrored.close();
  await reading.close();
  await following;
  await store.close();
  // Only the mirror's life counts, not its end.
  return { written, live: told, late, heldBytes, mirrorStates: mirrorStates.filter((status) => status !== 'closed') };
}
