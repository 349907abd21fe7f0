import type { KeyValue, Page, Revision, UndecodableKey } from '@holdfast/store';
import { compareKeys, type Slicer } from '@holdfast/store/adapter';
import type { Revisions } from '../entries/entry.js';
import type { KeySet } from './patch.js';
import type { ScanCheck } from '../util/answers.js';
import type { Table } from './table.js';
import { hexOf } from './undecodable-keys.js';

/** How many of the newest unchanged values a resync compares, and the part of all keys that they may be at most. */
const SAMPLE_KEYS = 128;
const SAMPLE_PART = 1 / 16;

/**
 * Compares the table with the keys and revisions (not the values) of the whole range at a later revision: which keys were changed, which
 * are gone, and whether one history can lead from the one to the other. Within one history, equal revisions mean equal values. It
 * changes nothing in the table, which must not change meanwhile.
 */
export class RevisionDiff {
  readonly #table: Table;
  readonly #lookup: ReturnType<Table['lookup']>;
  readonly #pages: Page[] = [];
  readonly #changed = new Map<string, Revision>();
  readonly #unchanged = new Newest();
  readonly #undecodable: UndecodableKey[] = [];
  /** The number of keys that the table has too. */
  #kept = 0;
  #last = '';

  constructor(table: Table) {
    this.#table = table;
    this.#lookup = table.lookup();
  }

  /** The keys that were changed since the table's revision. */
  get changed(): ReadonlyMap<string, Revision> {
    return this.#changed;
  }

  get undecodable(): readonly UndecodableKey[] {
    return this.#undecodable;
  }

  /** Whether any of the table's keys is gone. */
  get hasDeletions(): boolean {
    return this.#kept < this.#table.count;
  }

  /** The newest unchanged keys. Their values must be compared, because in another history they may differ (M8). */
  get sample(): readonly { readonly key: string; readonly revision: number }[] {
    return this.#unchanged.sample();
  }

  /** @returns false if the page contradicts the table: it is of another history, or out of order */
  async add(page: Page, slicer: Slicer, check: ScanCheck): Promise<boolean> {
    this.#pages.push(page);
    const { length } = page;
    for (let index = 0; index < length; index++) {
      const modRevision = page.modRevision(index);
      const revisions = { modRevision, createRevision: page.createRevision(index), version: page.version(index) };
      const key = page.key(index);
      check.key(key, modRevision);
      if (!this.#isNext(key) || !this.#follows(key, revisions)) return false;
      if (slicer.isDue()) await slicer.pause();
    }
    for (const key of page.undecodable) {
      if (key.revision <= this.#table.revision && !this.#table.holdsUndecodable(key)) return false;
      if (this.#table.undecodable.includes(key.rawKey)) this.#kept += 1;
      this.#undecodable.push(key);
    }
    return true;
  }

  /** Whether these are all changed keys and the sample, and the sample equals the table's entries. */
  isConfirmedBy(items: readonly KeyValue[]): boolean {
    let changed = 0;
    for (const item of items) {
      if (item.modRevision <= this.#table.revision) {
        if (!this.#table.holds(item)) return false;
      } else {
        if (this.#changed.get(item.key) !== item.modRevision) return false;
        changed += 1;
      }
    }
    return changed === this.#changed.size && items.length - changed >= this.sample.length;
  }

  /** All keys of the range, for finding those that are gone. */
  async keys(slicer: Slicer): Promise<KeySet> {
    const keys = new Set<string>();
    for (const page of this.#pages) {
      const { length } = page;
      for (let index = 0; index < length; index++) {
        keys.add(page.key(index));
        if (slicer.isDue()) await slicer.pause();
      }
    }
    return { keys, undecodable: new Set(this.#undecodable.map(({ rawKey }) => hexOf(rawKey))) };
  }

  /** In ascending order no key comes twice, so the count shows whether all have come. */
  #isNext(key: string): boolean {
    if (key <= this.#last && compareKeys(key, this.#last) <= 0) return false;
    this.#last = key;
    return true;
  }

  #follows(key: string, { modRevision, createRevision, version }: Revisions): boolean {
    const { revision } = this.#table;
    const known = this.#lookup(key);
    if (known !== undefined) this.#kept += 1;
    const isSameLife = known !== undefined && (known.createRevision ?? createRevision) === createRevision;
    if (modRevision <= revision) {
      if (!isSameLife || known.modRevision !== modRevision || (known.version ?? version) !== version) return false;
      this.#unchanged.add(key, modRevision);
      return true;
    }
    this.#changed.set(key, modRevision);
    // The key either continues its known life, or was created since.
    return createRevision > revision || (isSameLife && (known.version ?? 0) < (version ?? 1));
  }
}

interface Dated {
  readonly key: string;
  readonly revision: number;
}

/** The keys of the highest revisions, out of many that are seen once each. */
class Newest {
  #dated: Dated[] = [];
  #seen = 0;
  #least = 0;

  add(key: string, revision: number): void {
    this.#seen += 1;
    if (revision <= this.#least) return;
    this.#dated.push({ key, revision });
    if (this.#dated.length >= 8 * SAMPLE_KEYS) this.#least = this.#sort(SAMPLE_KEYS).at(-1)?.revision ?? 0;
  }

  /** The newest first. */
  sample(): readonly Dated[] {
    return this.#sort(Math.min(SAMPLE_KEYS, Math.ceil(this.#seen * SAMPLE_PART)));
  }

  #sort(count: number): readonly Dated[] {
    this.#dated = this.#dated.sort((a, b) => b.revision - a.revision).slice(0, count);
    return this.#dated;
  }
}
