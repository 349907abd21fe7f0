import type { WatchBatch } from '@holdfast/store';

/** The budget of each watch, in bytes. The size of a batch is the adapter's estimate. */
export const STORE_BUDGET = 4_000;

export function batchBytes({ events }: WatchBatch): number {
  return 100 + events.length * 100;
}
