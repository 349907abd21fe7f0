import type { UndecodableKey, WatchEvent } from '@holdfast/store';
import { hexOf } from './undecodable-keys.js';

/** What is remembered of one change of one key. */
export interface KnownEvent {
  readonly revision: number;
  /** Of the key, also where it is not UTF-8. */
  readonly id: string;
  readonly isPut: boolean;
  /** How often the key had been put, and the number of the value's bytes; 0 where there is none. */
  readonly version: number;
  readonly length: number;
}

/** How many events are remembered at least, once there were as many, and more only for the sake of a whole revision. */
const REMEMBERED = 64;
/** A revision with more events than this is not remembered. */
const MOST_OF_A_REVISION = 512;

/**
 * The latest events that the table has taken in, whole revisions of them: what another watch, begun a little earlier, must bring once
 * more, or it is of another history (M8).
 */
export class RecentEvents {
  #events: KnownEvent[] = [];
  #completeAfter = 0;

  /** The revision after which all events of the range are known. */
  get completeAfter(): number {
    return this.#completeAfter;
  }

  /** The revision of the first event that is remembered. */
  get oldest(): number | undefined {
    return this.#events[0]?.revision;
  }

  /** Those after a revision, in order. */
  after(revision: number): readonly KnownEvent[] {
    return this.#events.filter((event) => event.revision > revision);
  }

  /** A watch has brought them, after all those before. Those of one revision come together. */
  add(events: readonly WatchEvent[], undecodable: readonly UndecodableKey[]): void {
    for (const event of events) {
      // It tells no keys, so nothing can be held against it.
      if (event.type === 'delete-range') this.skipTo(event.revision);
      else this.#events.push(knownEvent(event));
    }
    for (const key of undecodable) this.#addUnreadable(knownUnreadable(key));
    if (this.#events.length >= 2 * REMEMBERED) this.#trim();
  }

  /** A read has shown what came of all changes up to a revision, and not which ones there were. */
  skipTo(revision: number): void {
    if (revision > this.#completeAfter) this.#completeAfter = revision;
  }

  /** What was known may be of another history, or is too far back to be of any use. */
  forget(revision: number): void {
    this.#events = [];
    this.#completeAfter = revision;
  }

  /** They come beside the other events of a batch, which may be of later revisions. */
  #addUnreadable(event: KnownEvent): void {
    const events = this.#events;
    let index = events.length;
    while (index > 0 && (events[index - 1]?.revision ?? 0) > event.revision) index -= 1;
    events.splice(index, 0, event);
  }

  #trim(): void {
    const events = this.#events;
    let first = events.length - REMEMBERED;
    while (first > 0 && events[first - 1]?.revision === events[first]?.revision) first -= 1;
    const most = events.length - MOST_OF_A_REVISION;
    if (first < most) {
      first = most;
      while (first < events.length && events[first - 1]?.revision === events[first]?.revision) first += 1;
    }
    this.skipTo(events[first - 1]?.revision ?? 0);
    this.#events = events.slice(first);
  }
}

export function knownEvent(event: Exclude<WatchEvent, { readonly type: 'delete-range' }>): KnownEvent {
  const { revision } = event;
  if (event.type === 'delete') return { revision, id: event.key, isPut: false, version: 0, length: 0 };
  const { key, version = 0, value } = event.current;
  return { revision, id: key, isPut: true, version, length: value.length };
}

export function knownUnreadable({ rawKey, revision, deleted }: UndecodableKey): KnownEvent {
  return { revision, id: UNREADABLE + hexOf(rawKey), isPut: !deleted, version: 0, length: 0 };
}

/** No key begins like that: half of a surrogate pair. */
const UNREADABLE = '\ud800';
