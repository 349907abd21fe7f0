import type { Entry } from '@holdfast/core';
import { toRevision, type WatchEvent } from '@holdfast/store';
import { Epoch } from '../src/epoch.js';
import type { TakenStep } from '../src/mirror-probe.js';
import type { Value } from '../src/values.js';

/** A write as the servers would tell of it: its number is its revision. */
export function put(
  revision: number,
  key: string,
  text = JSON.stringify({ n: revision, epoch: 0 }),
  created = revision,
): WatchEvent {
  return {
    type: 'put',
    revision: toRevision(revision),
    isCreate: created === revision,
    current: {
      key,
      value: Buffer.from(text),
      modRevision: toRevision(revision),
      createRevision: toRevision(created),
    },
  };
}

export function removal(revision: number, key: string): WatchEvent {
  return { type: 'delete', revision: toRevision(revision), key };
}

/** A history that begins with nothing, at revision 1. */
export function epochOf(index: number, ...events: readonly WatchEvent[]): Epoch {
  const epoch = new Epoch(index, 1, []);
  epoch.add(events);
  return epoch;
}

export function entry(revision: number, created = revision): Entry<Value> {
  return {
    key: 'relative',
    value: { n: revision, epoch: 0 },
    modRevision: toRevision(revision),
    createRevision: toRevision(created),
  };
}

/** A step of a mirror, as a listener is told of it. */
export function step(revision: number, changes: Readonly<Record<string, Entry<Value> | undefined>>): TakenStep {
  return {
    bookmark: { revision: toRevision(revision), identity: 'cluster' },
    cause: 'watch',
    changes: Object.entries(changes).map(([key, each]) => ({ key, entry: each })),
  };
}
