import type { Clock, Logger } from '@holdfast/store';
import type { AnyChange, ChangeEvent } from './change.js';
import { ChangeFeed, type Snapshot } from './change-feed.js';
import { Events } from './events.js';
import type { OtherEvents } from './mirror-events.js';

export interface OutletsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The names of the mirror's collections; none in a mirror without collections. */
  readonly collections: readonly string[];
  /** The present content of one collection, or of all; `undefined` before the load. */
  readonly snapshot: (collection?: string) => Snapshot<AnyChange> | undefined;
}

/** Where everything that one mirror tells its users goes: changes to feeds, the rest to listeners by the name of the event. */
export class Outlets {
  /** All changes of the mirror. */
  readonly changes: ChangeFeed<AnyChange>;
  readonly events: Events<OtherEvents>;
  readonly #byCollection = new Map<string, ChangeFeed<AnyChange>>();
  #publishing: 'no' | 'yes' | 'to be closed after' = 'no';

  constructor({ clock, logger, collections, snapshot }: OutletsOptions) {
    this.events = new Events(logger);
    this.changes = new ChangeFeed({ clock, logger, snapshot: () => snapshot() });
    for (const name of collections)
      this.#byCollection.set(name, new ChangeFeed({ clock, logger, snapshot: () => snapshot(name) }));
  }

  /** The changes of one collection; all changes in a mirror without collections. */
  changesOf(collection: string | undefined): ChangeFeed<AnyChange> {
    return (collection === undefined ? undefined : this.#byCollection.get(collection)) ?? this.changes;
  }

  /** Whether anyone wants the changes one by one. */
  get isHeard(): boolean {
    return this.changes.isHeard || [...this.#byCollection.values()].some((feed) => feed.isHeard);
  }

  publish(event: ChangeEvent<AnyChange>): void {
    if (event.changes.length === 0) return;
    this.#publishing = 'yes';
    this.changes.publish(frozen(event));
    for (const [name, feed] of this.#byCollection) {
      if (!feed.isHeard) continue;
      const changes = event.changes.filter(({ collection }) => collection === name);
      if (changes.length > 0) feed.publish(frozen({ ...event, changes }));
    }
    const closes = this.#publishing !== 'yes';
    this.#publishing = 'no';
    if (closes) this.close();
  }

  close(): void {
    // If a listener closes the mirror, the other listeners still get the whole step, because the mirror shows it (M4, M11).
    if (this.#publishing !== 'no') {
      this.#publishing = 'to be closed after';
      return;
    }
    this.changes.close();
    for (const feed of this.#byCollection.values()) feed.close();
    this.events.clear();
  }
}

/** Events are shared by all listeners: none may change what the others get. */
function frozen(event: ChangeEvent<AnyChange>): ChangeEvent<AnyChange> {
  Object.freeze(event.changes);
  return Object.freeze(event);
}
