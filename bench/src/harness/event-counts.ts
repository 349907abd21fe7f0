import { createHook } from 'node:async_hooks';
import type { HeapProfiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import type { Figures, Metric } from './row.js';

/** What an event costs besides time, as figures of a row. Unlike CPU, they are nearly the same in each run, on any machine. */
export const COUNT_METRICS: Readonly<Record<string, Metric>> = {
  heapBytes: { label: 'heap per event', unit: 'bytes' },
  promises: { label: 'promises per event', unit: 'count' },
  microtasks: { label: 'microtasks per event', unit: 'count' },
};

/** The passes, in their order. Each needs events of its own: counting one thing changes the other. */
export const COUNT_PASSES = ['heap', 'promises'] as const;

export type CountPass = (typeof COUNT_PASSES)[number];

/** Counts while this work handles so many events, one after another. The whole process counts, from the socket to the listener. */
export function counted(pass: CountPass, events: number, work: () => Promise<void>): Promise<Figures> {
  return pass === 'heap' ? countHeap(events, work) : countPromises(events, work);
}

/** The mean distance of two samples, in bytes. An event allocates several thousand. */
const SAMPLE_BYTES = 256;

/** Bytes of V8's heap, by samples. What is in buffers outside of it does not count. */
async function countHeap(events: number, work: () => Promise<void>): Promise<Figures> {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: SAMPLE_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  await work();
  const { profile } = await session.post('HeapProfiler.stopSampling');
  session.disconnect();
  return { heapBytes: allocated(profile.head) / events };
}

function allocated({ selfSize, children }: HeapProfiler.SamplingHeapProfileNode): number {
  return children.reduce((sum, child) => sum + allocated(child), selfSize);
}

/** Promises that were made, and reactions to promises that ran: those are microtasks. */
async function countPromises(events: number, work: () => Promise<void>): Promise<Figures> {
  const promiseIds = new Set<number>();
  let promises = 0;
  let microtasks = 0;
  const hook = createHook({
    init: (id, type) => {
      if (type !== 'PROMISE') return;
      promises += 1;
      promiseIds.add(id);
    },
    before: (id) => {
      if (promiseIds.has(id)) microtasks += 1;
    },
  });
  hook.enable();
  try {
    await work();
  } finally {
    hook.disable();
  }
  return { promises: promises / events, microtasks: microtasks / events };
}
