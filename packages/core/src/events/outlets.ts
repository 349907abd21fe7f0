import type { Bookmark, Clock, Logger } from '@holdfast/store';
import type { AnyChange, ChangeEvent } from './change.js';
import { ChangeFeed, type Snapshot } from './change-feed.js';
import { Events } from './events.js';
import type { OtherEvents, ResyncEvent } from './mirror-events.js';
import type { Problem } from './problem.js';
import { reportProblems, reportResync } from './reports.js';
import { causeOf, isResync, type Step, type StepOrigin } from './step.js';

export interface OutletsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The names of the mirror's collections; none in a mirror without collections. */
  readonly collections: readonly string[];
  /** The present content of one collection, or of all; `undefined` before the load. */
  readonly snapshot: (collection?: string) => Snapshot<AnyChange> | undefined;
}

/** What a mirror shows. */
export interface Shown {
  readonly bookmark: Bookmark | undefined;
  readonly version: number;
}

/** Where everything that one mirror tells its users goes: changes to feeds, the rest to listeners by the name of the event. */
export class Outlets {
  /** All changes of the mirror. */
  readonly changes: ChangeFeed<AnyChange>;
  readonly events: Events<OtherEvents>;
  readonly #logger: Logger;
  readonly #byCollection = new Map<string, ChangeFeed<AnyChange>>();
  #telling: 'no' | 'yes' | 'to be closed after' = 'no';

  constructor({ clock, logger, collections, snapshot }: OutletsOptions) {
    this.#logger = logger;
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

  /**
   * Tells of a step: its changes, then the problems that are new with it, then the resync that it ends.
   *
   * @param from what the mirror showed before; `undefined` for the first load, which is no resync
   * @param to what it shows now
   */
  tell({ changes, changed, invalid }: Step, origin: StepOrigin, from: Bookmark | undefined, to: Shown): void {
    const { bookmark, version } = to;
    if (bookmark === undefined) return;
    this.#telling = 'yes';
    const cause = causeOf(origin);
    if (changes.length > 0) this.#publish({ bookmark, version, cause, changes });
    if (invalid.length > 0) this.tellProblems(invalid);
    if (isResync(origin) && from !== undefined) this.#tellResync({ reason: origin, from, bookmark, changed });
    const closes = this.#telling !== 'yes';
    this.#telling = 'no';
    if (closes) this.close();
  }

  /** Tells of new problems: those of a step, and those that show when somebody reads a value. */
  tellProblems(problems: readonly Problem[]): void {
    reportProblems(this.#logger, problems);
    for (const problem of problems) this.events.emit('invalid', problem);
  }

  close(): void {
    // If a listener closes the mirror, the other listeners still get the whole step, because the mirror shows it (M4, M11).
    if (this.#telling !== 'no') {
      this.#telling = 'to be closed after';
      return;
    }
    this.changes.close();
    for (const feed of this.#byCollection.values()) feed.close();
    this.events.clear();
  }

  #publish(event: ChangeEvent<AnyChange>): void {
    this.changes.publish(frozen(event));
    for (const [name, feed] of this.#byCollection) {
      if (!feed.isHeard) continue;
      const changes = event.changes.filter(({ collection }) => collection === name);
      if (changes.length > 0) feed.publish(frozen({ ...event, changes }));
    }
  }

  #tellResync(event: ResyncEvent): void {
    reportResync(this.#logger, event);
    this.events.emit('resync', event);
  }
}

/** Events are shared by all listeners: none may change what the others get. */
function frozen(event: ChangeEvent<AnyChange>): ChangeEvent<AnyChange> {
  Object.freeze(event.changes);
  return Object.freeze(event);
}
