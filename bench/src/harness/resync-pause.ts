import type { Mirror } from '@holdfast/core';
import type { ConfigStore } from '@holdfast/store';
import { sharedNow } from './measure.js';

/**
 * How long a mirror waited before it read again, in milliseconds: a random time, so that the mirrors of a fleet that lost the same server do
 * not read in step (promise M9).
 *
 * @returns what the pauses add up to so far
 */
export function pauseOf(store: ConfigStore, mirror: Mirror<unknown>): () => number {
  let total = 0;
  let began: number | undefined;
  mirror.on('state', ({ status }) => {
    began = status === 'resyncing' ? sharedNow() : undefined;
  });
  const scan = store.scan.bind(store);
  store.scan = (...args) => {
    if (began !== undefined) total += sharedNow() - began;
    began = undefined;
    return scan(...args);
  };
  return () => total;
}
