import type { Bookmark } from '@holdfast/store';
import type { Table, TableJournal } from '../table/table.js';
import { prefixOf } from './show-saved.js';
import { SavedStep, type StepQueue, type TouchedKey, type UnreadableKey } from './step-queue.js';

/** A step that touches more keys is not written as one: to look at them all takes too long for one turn of the event loop. */
const MOST_TOUCHED = 10_000;

/** Notes what each step of a table has touched, for those who write a copy of it. */
export class Journal implements TableJournal {
  readonly #table: Table;
  readonly #prefix: string;
  readonly #queues = new Set<StepQueue>();
  readonly #touched = new Set<string>();
  #unreadable = 0;
  #histories = 0;
  #breaks = 0;
  #lastEvent = 0;
  #changes = 0;
  /** Called after each step that changed anything. */
  onStep: () => void = () => undefined;

  constructor(table: Table) {
    this.#table = table;
    this.#prefix = prefixOf(table);
  }

  /** Moves each time that the steps don't lead on from what was written: a new base is needed. */
  get breaks(): number {
    return this.#breaks;
  }

  /** Moves with every step that changed anything. */
  get changes(): number {
    return this.#changes;
  }

  /** The revision of the last change, as far as it is known. */
  get lastEvent(): number {
    return Math.max(this.#lastEvent, this.#table.bookmark === undefined ? 0 : (this.#table.fingerprint().newest ?? 0));
  }

  /** Moves each time that the table comes from another history than before: what was written until then must be kept. */
  get histories(): number {
    return this.#histories;
  }

  /** From now on all steps go into the queue, until it is let go or a step does not lead on. */
  follow(queue: StepQueue): void {
    this.#queues.add(queue);
  }

  letGo(queue: StepQueue): void {
    this.#queues.delete(queue);
  }

  touch(key: string): void {
    if (this.#queues.size > 0) this.#touched.add(key);
    else this.#changes += 1;
  }

  otherHistory(): void {
    this.#histories += 1;
    this.#lastEvent = 0;
    this.#break();
  }

  moved({ revision }: Bookmark): void {
    const { undecodable } = this.#table;
    const isUnreadableNew = this.#unreadable !== undecodable.changes;
    this.#unreadable = undecodable.changes;
    if (this.#touched.size === 0 && !isUnreadableNew) return;
    this.#lastEvent = revision;
    this.#changes += 1;
    if (this.#touched.size > MOST_TOUCHED) this.#break();
    else if (this.#queues.size > 0) {
      const keys = [...this.#touched].map((key) => this.#look(key));
      const step = new SavedStep(revision, keys, isUnreadableNew ? this.unreadable() : undefined);
      for (const queue of this.#queues) queue.add(step);
    }
    this.#touched.clear();
    this.onStep();
  }

  /** The value of a whole key turned out bad, without a step of the table. */
  turnedBad(key: string): void {
    const { bookmark } = this.#table;
    if (bookmark === undefined) return;
    this.touch(key);
    this.moved(bookmark);
  }

  /** What the table has of a whole key. */
  #look(key: string): TouchedKey {
    const relative = key.slice(this.#prefix.length);
    const collection = this.#table.layout.find(key);
    if (collection === undefined) {
      const unclaimed = this.#table.unclaimed.get(key);
      return unclaimed === undefined ? { key: relative } : { key: relative, unclaimed };
    }
    const saved = collection.saved(collection.relative(key));
    return saved === undefined ? { key: relative } : { key: relative, saved };
  }

  unreadable(): readonly UnreadableKey[] {
    return [...this.#table.undecodable.problems()].flatMap(({ rawKey, revision, since }) =>
      rawKey === undefined ? [] : [{ rawKey, revision, since }],
    );
  }

  #break(): void {
    // What they have belongs to what was written, and nothing later does.
    for (const queue of this.#queues) queue.end();
    this.#queues.clear();
    this.#breaks += 1;
    this.#changes += 1;
    this.#touched.clear();
    this.onStep();
  }
}
