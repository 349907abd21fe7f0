import { Succession, type Candidate } from '@holdfast/locks/judging';
import type { Epoch } from '../epoch.js';

/** Who really held or led, in each history, from a revision of the first one on. */
export function successionsOf(name: string, epochs: readonly Epoch[], after: number): Succession[] {
  return epochs.map((epoch, index) => {
    const from = index === 0 ? Math.max(after, epoch.from) : epoch.from;
    const initial = [...epoch.keys].flatMap((key) => candidateAt(epoch, key, from) ?? []);
    const succession = new Succession(name, epoch.identity ?? '', from, initial);
    for (const { revision, events } of epoch.steps) {
      if (revision <= from) continue;
      const keys = events.flatMap((event) =>
        event.type === 'put' ? event.current.key : event.type === 'delete' ? event.key : [],
      );
      succession.apply(
        revision,
        keys.map((key) => ({ key, candidate: candidateAt(epoch, key, revision) })),
      );
    }
    return succession;
  });
}

/** Whether everything that happened there is known. */
export function isKnown(epochs: readonly Epoch[], after: number): boolean {
  return epochs.every((epoch, index) => epoch.isKnownBetween(index === 0 ? after : epoch.from, epoch.to));
}

function candidateAt(epoch: Epoch, key: string, revision: number): Candidate | undefined {
  const entry = epoch.at(key, revision);
  return entry && { key, createRevision: entry.createRevision, value: Buffer.from(entry.value).toString() };
}
