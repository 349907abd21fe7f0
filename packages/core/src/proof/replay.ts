import type { UndecodableKey, WatchBatch, WatchEvent } from '@holdfast/store';
import { type KnownEvent, knownEvent, knownUnreadable } from '../table/recent-events.js';
import type { Table } from '../table/table.js';
import { Watermark } from '../util/watermark.js';

/** `untold`: what was to be told by it was not in what came. */
export type ReplayVerdict = 'same' | 'other' | 'untold';

/** The last that came of a key. */
interface Last {
  readonly revision: number;
  readonly isPut: boolean;
  /** Whether it leaves the key as the table has it. */
  readonly isSame: () => boolean;
}

type Told =
  { readonly event: Exclude<WatchEvent, { readonly type: 'delete-range' }> } | { readonly key: UndecodableKey };

/**
 * What a watch brings that began before the table's revision: events that the table has taken in already, and that may now come from
 * another history (M8). Up to the table's revision they must leave everything as the table has it; all events that the table remembers
 * must be among them, and where it remembers all, no others.
 */
export class Replay {
  readonly #table: Table;
  readonly #after: number;
  /** Up to which revision everything has come. */
  readonly position = new Watermark();
  /** Came, and not yet looked at: those after the table's revision. */
  #waiting: Told[] = [];
  readonly #seen = new Set<string>();
  readonly #last = new Map<string, Last>();
  #isTold = true;

  /** @param after the revision after which the watch began */
  constructor(table: Table, after: number) {
    this.#table = table;
    this.#after = after;
    this.position.set(after);
  }

  /** Batches come in order. */
  add(batch: WatchBatch): void {
    const { events, undecodable, bookmark } = batch;
    for (const event of events) {
      if (event.type === 'delete-range') this.#isTold = false;
      else this.#waiting.push({ event });
    }
    for (const key of undecodable) this.#waiting.push({ key });
    this.#look();
    this.position.set(Math.max(this.position.value, bookmark.revision));
  }

  /** What is not there by now is not waited for. */
  giveUp(): void {
    this.#isTold = false;
    this.position.set(Infinity);
  }

  /** What the events say of the table as it is, once they have come to its revision. The table must not change meanwhile. */
  verdict(): ReplayVerdict {
    if (!this.#isTold) return 'untold';
    this.#look();
    const { recent } = this.#table;
    for (const { isSame } of this.#last.values()) if (!isSame()) return 'other';
    const unexpected = new Set(this.#seen);
    for (const event of recent.after(this.#after)) if (!unexpected.delete(nameOf(event))) return 'other';
    const completeAfter = Math.max(recent.completeAfter, this.#after);
    for (const name of unexpected) if (revisionOf(name) > completeAfter) return 'other';
    const { newest } = this.#table.fingerprint();
    if (newest === undefined) return 'same';
    if (newest <= this.#after) return 'untold';
    const puts = [...this.#last.values()].filter(({ isPut }) => isPut);
    return puts.some(({ revision }) => revision === newest) ? 'same' : 'other';
  }

  /** Takes in what has come up to the table's revision: only that can be held against the table. */
  #look(): void {
    const { revision: upTo } = this.#table;
    const later: Told[] = [];
    for (const told of this.#waiting) {
      const revision = 'event' in told ? told.event.revision : told.key.revision;
      if (revision > upTo) later.push(told);
      else if ('event' in told) this.#addEvent(told.event);
      else this.#addUnreadable(told.key);
    }
    this.#waiting = later;
  }

  #addEvent(event: Exclude<WatchEvent, { readonly type: 'delete-range' }>): void {
    const table = this.#table;
    const { revision } = event;
    if (event.type === 'delete') {
      const { key } = event;
      this.#note(knownEvent(event), () => !table.has(key));
      return;
    }
    const { key } = event.current;
    // The bytes are compared now, so that they need not be kept: no later event of the key is at or below the table's revision.
    const isHeld = table.revisionOf(key) === revision && table.holds(event.current);
    this.#note(knownEvent(event), () => isHeld && table.revisionOf(key) === revision);
  }

  #addUnreadable(key: UndecodableKey): void {
    const { undecodable } = this.#table;
    const isSame = key.deleted ? () => !undecodable.includes(key.rawKey) : () => undecodable.has(key);
    this.#note(knownUnreadable(key), isSame);
  }

  #note(event: KnownEvent, isSame: () => boolean): void {
    const { id, revision, isPut } = event;
    this.#seen.add(nameOf(event));
    if (revision >= (this.#last.get(id)?.revision ?? 0)) this.#last.set(id, { revision, isPut, isSame });
  }
}

function nameOf({ revision, id, isPut, version, length }: KnownEvent): string {
  return `${revision} ${isPut ? `put ${version} ${length}` : 'delete'} ${id}`;
}

function revisionOf(name: string): number {
  return Number.parseInt(name, 10);
}
