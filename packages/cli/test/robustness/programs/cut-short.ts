// Things that are given up before they are ready or done: in the turn in which they begin, some turns later, or whenever.
import { setTimeout as delay } from 'node:timers/promises';
import { openSession } from '@holdfast/coordination';
import { mirror, text } from '@holdfast/core';
import type { Capabilities, ConfigStore } from '@holdfast/store';
import { nextTurn } from '@holdfast/store/adapter';
import { Random } from '@holdfast/testkit';
import { OPEN, type CyclesInput } from './cycles.js';
import { handles, objectsHeld } from './heap.js';

export type CutShortInput = Pick<CyclesInput, 'backend' | 'endpoints'>;

/** What was there after each part of the cycles, once nothing that they began was under way any more. */
export interface CutShortResult {
  /** How many objects were reachable. Not bytes: each way through the code that is new leaves some of the engine's own. */
  readonly objects: readonly number[];
  /** Kinds of what kept the process alive. */
  readonly handles: readonly (readonly string[])[];
}

export const CUT_SHORT_CYCLES = 450;
export const CUT_SHORT_SAMPLES = 3;
/** By how many objects the samples may differ. A forgotten timer is some three a cycle, a forgotten connection hundreds. */
export const MOST_OBJECTS = 500;
/** So many at a time. */
const LANES = 50;

export type End = 'close the store' | 'abort';
export const ENDS: readonly End[] = ['close the store', 'abort'];

interface Act {
  readonly needs?: (capabilities: Capabilities) => boolean;
  /** Ends when the signal aborts or the store is closed, and leaves nothing then. */
  readonly run: (store: ConfigStore, key: string, signal: AbortSignal, random: Random) => Promise<unknown>;
}

const ACTS: readonly Act[] = [
  { run: (store, key, signal) => store.get(key, { signal }) },
  { run: (store, key, signal) => store.put(key, 'x', { signal }) },
  {
    run: async (store, _key, signal, random) => {
      for await (const _ of store.scan({ prefix: '/' }, { signal })) if (random.chance(0.5)) break;
    },
  },
  {
    run: async (store, key, signal) => {
      for await (const _ of store.watch({ prefix: key }, { signal }));
    },
  },
  {
    // Given up by the iterator's return() while it waits.
    run: async (store, key, signal) => {
      const iterator = store.watch({ prefix: key }, { signal })[Symbol.asyncIterator]();
      await Promise.all([iterator.next(), iterator.return?.()]);
    },
  },
  {
    run: async (store, key, signal) => {
      const onState = (): never => {
        throw new Error('of a listener');
      };
      const mirrored = await mirror(store, { prefix: key, codec: text(), signal, onState });
      try {
        await mirrored.sync({ signal });
      } finally {
        await mirrored.close();
      }
    },
  },
  {
    needs: ({ leases }) => leases,
    run: async (store, key, signal) => {
      const { id } = await store.leases.grant(5, { signal });
      await store.put(key, 'x', { lease: id, signal });
      await store.leases.revoke(id, { signal });
    },
  },
  {
    needs: ({ leases, transactions }) => leases && transactions === 'multi-key',
    run: async (store, key, signal) => {
      const session = await openSession(store, { signal });
      try {
        await session.withLock(key, () => delay(1), { signal });
      } finally {
        await session.close({ signal });
      }
    },
  },
];

/** Begins something, and gives it up at any moment after that: in the same turn, some microtasks or turns later, or whenever. */
async function cutShort(store: ConfigStore, key: string, random: Random, end: End): Promise<void> {
  const acts = ACTS.filter(({ needs = () => true }) => needs(store.capabilities)) as [Act, ...Act[]];
  const controller = new AbortController();
  const act = random.pick(acts).run(store, key, controller.signal, random);
  const settled = Promise.allSettled([act]);
  await random.pick([atOnce, microtasks, turns, stalled, milliseconds])(random);
  if (end === 'close the store') await store.close();
  else controller.abort();
  await settled;
}

const atOnce = (): Promise<void> => Promise.resolve();

async function microtasks(random: Random): Promise<void> {
  for (let left = random.between(1, 60); left > 0; left--) await Promise.resolve();
}

async function turns(random: Random): Promise<void> {
  for (let left = random.between(1, 12); left > 0; left--) await nextTurn();
  await microtasks(random);
}

/** As on a busy machine: whatever came meanwhile comes in one turn. */
async function stalled(random: Random): Promise<void> {
  await turns(random);
  const until = performance.now() + random.below(10);
  while (performance.now() < until);
}

async function milliseconds(random: Random): Promise<void> {
  await delay(random.below(20));
}

export async function run({ backend, endpoints }: CutShortInput): Promise<Record<End, CutShortResult>> {
  const open = (): ConfigStore => OPEN[backend](endpoints);
  const results = { 'close the store': measured(), abort: measured() };
  for (const end of ENDS) {
    const shared = open();
    const { objects, handles: seen } = results[end];
    for (let done = LANES; done <= CUT_SHORT_CYCLES; done += LANES) {
      await Promise.all(
        Array.from({ length: LANES }, (_, lane) =>
          cutShort(end === 'abort' ? shared : open(), `/cut/${lane}`, new Random(done + lane), end),
        ),
      );
      if (done % (CUT_SHORT_CYCLES / CUT_SHORT_SAMPLES) !== 0) continue;
      // The history of a memory store grows by an entry a write.
      if (backend === 'memory') await compactAll(shared);
      objects.push(await objectsHeld(Math.min(...objects) + MOST_OBJECTS / 4));
      seen.push(handles());
    }
    await shared.close();
  }
  return results;
}

function measured(): { objects: number[]; handles: string[][] } {
  return { objects: [], handles: [] };
}

async function compactAll(store: ConfigStore): Promise<void> {
  const { revision } = await store.put('/compacted', '');
  await store.compact(revision);
}
