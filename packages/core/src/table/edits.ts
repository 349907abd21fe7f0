import type { KeyValue, UndecodableKey } from '@holdfast/store';
import type { KeyRange } from '@holdfast/store/adapter';
import { type AnyChange, changeBetween } from '../events/change.js';
import type { CollectionTable } from './collection-table.js';
import type { Entry } from '../entries/entry.js';
import type { Prepared } from '../entries/entry-maker.js';
import type { Problem } from '../events/problem.js';
import type { Step } from '../events/step.js';
import type { Table } from './table.js';
import { unclaimedOf } from './unclaimed-keys.js';

/** The edits of one step, in the store's order; remembers what each key was before, for the net changes. */
export class Edits {
  readonly #table: Table;
  // Most steps change one key. Only a second one needs maps.
  #first: CollectionTable | undefined;
  #firstKey = '';
  #firstEntry: Entry<unknown> | undefined;
  #before: Map<CollectionTable, Map<string, Entry<unknown> | undefined>> | undefined;
  readonly #invalid: Problem[] = [];

  constructor(table: Table) {
    this.#table = table;
  }

  /** @param sameLife whether the key is known not to have been deleted since the table saw it */
  put(item: KeyValue, prepared: Prepared | undefined, sameLife: boolean): void {
    this.#table.journal?.touch(item.key);
    const collection = this.#table.layout.find(item.key);
    if (collection === undefined || prepared === undefined) {
      this.#table.noteRevision(this.#table.unclaimed.get(item.key)?.modRevision, item.modRevision);
      this.#table.unclaimed.set(item.key, unclaimedOf(item.modRevision, item.value));
      return;
    }
    const key = prepared.key;
    const before = collection.state(key);
    this.#table.noteRevision((before.bad ?? before.entry)?.modRevision, item.modRevision);
    this.#remember(collection, key, before.entry);
    collection.set(key, collection.settle(prepared, before, sameLife));
  }

  remove(key: string): void {
    this.#table.noteDeletion(key);
    this.#table.journal?.touch(key);
    const collection = this.#table.layout.find(key);
    if (collection === undefined) {
      this.#table.noteRevision(this.#table.unclaimed.get(key)?.modRevision, undefined);
      this.#table.unclaimed.delete(key);
      return;
    }
    const relative = collection.relative(key);
    this.#table.noteRevision(collection.revisions(relative)?.modRevision, undefined);
    this.#remember(collection, relative, collection.state(relative).entry);
    collection.remove(relative);
  }

  removeRange(range: KeyRange): void {
    const gone: string[] = [];
    for (const key of this.#table.keys()) if (range.contains(key)) gone.push(key);
    for (const key of gone) this.remove(key);
  }

  /** Takes in those that are later than the table's revision. */
  putUndecodable(keys: readonly UndecodableKey[]): void {
    for (const key of keys) {
      if (key.revision <= this.#table.revision) continue;
      const problem = this.#table.undecodable.add(key, this.#table.clock.now());
      if (problem !== undefined) this.#invalid.push(problem);
    }
  }

  finish(): Step {
    const changes = this.#before === undefined ? this.#changeOfFirst() : this.#changesOf(this.#before);
    return { changes, changed: changes.length, invalid: this.#invalid };
  }

  #changeOfFirst(): readonly AnyChange[] {
    if (this.#first === undefined) return [];
    const change = this.#compare(this.#first, this.#firstKey, this.#firstEntry);
    return change === undefined ? [] : [change];
  }

  #changesOf(before: ReadonlyMap<CollectionTable, ReadonlyMap<string, Entry<unknown> | undefined>>): AnyChange[] {
    const changes: AnyChange[] = [];
    for (const [collection, keys] of before) {
      for (const [key, previous] of keys) {
        const change = this.#compare(collection, key, previous);
        if (change !== undefined) changes.push(change);
      }
    }
    return changes;
  }

  #compare(collection: CollectionTable, key: string, previous: Entry<unknown> | undefined): AnyChange | undefined {
    const { entry, bad } = collection.state(key);
    if (bad !== undefined && bad.modRevision > this.#table.revision) this.#invalid.push(bad.problem);
    return changeBetween(collection.name, previous, entry);
  }

  /** @param entry the key's before this edit; only that before the first one counts */
  #remember(collection: CollectionTable, key: string, entry: Entry<unknown> | undefined): void {
    if (this.#first === undefined) {
      this.#first = collection;
      this.#firstKey = key;
      this.#firstEntry = entry;
      return;
    }
    this.#before ??= new Map([[this.#first, new Map([[this.#firstKey, this.#firstEntry]])]]);
    let keys = this.#before.get(collection);
    if (keys === undefined) {
      keys = new Map<string, Entry<unknown> | undefined>();
      this.#before.set(collection, keys);
    }
    if (!keys.has(key)) keys.set(key, entry);
  }
}
