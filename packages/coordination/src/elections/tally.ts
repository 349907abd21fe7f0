import type { Bookmark, KeyValue, WatchEvent } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { isCandidate } from '../names.js';
import type { Leader } from './leader.js';

/** Who stands in an election, kept up by its events. The leader is the candidate whose key is the oldest. */
export class Tally {
  readonly #name: string;
  readonly #candidates: Map<string, KeyValue>;

  constructor(name: string, items: readonly KeyValue[]) {
    this.#name = name;
    this.#candidates = new Map(items.filter(({ key }) => isCandidate(name, key)).map((item) => [item.key, item]));
  }

  /** The leader, in the history of that identity. */
  leader({ identity }: Pick<Bookmark, 'identity'>): Leader | undefined {
    let first: KeyValue | undefined;
    for (const candidate of this.#candidates.values()) {
      if (first === undefined || candidate.createRevision < first.createRevision) first = candidate;
    }
    return first && { value: first.value, token: { revision: first.createRevision, identity } };
  }

  apply(event: WatchEvent): void {
    switch (event.type) {
      case 'put':
        if (isCandidate(this.#name, event.current.key)) this.#candidates.set(event.current.key, event.current);
        return;
      case 'delete':
        this.#candidates.delete(event.key);
        return;
      case 'delete-range': {
        const range = KeyRange.from(event.range);
        for (const key of [...this.#candidates.keys()]) if (range.contains(key)) this.#candidates.delete(key);
        return;
      }
      default:
        event satisfies never;
    }
  }
}

/** The events of a batch, revision by revision: between two events of one revision there is no state. */
export function byRevision(events: readonly WatchEvent[]): readonly (readonly WatchEvent[])[] {
  const groups: WatchEvent[][] = [];
  for (const event of events) {
    const last = groups.at(-1);
    if (last?.[0]?.revision === event.revision) last.push(event);
    else groups.push([event]);
  }
  return groups;
}
