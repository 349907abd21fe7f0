import type { LeaseId } from '@holdfast/store';
import {
  changeKey,
  decodeStored,
  encodeChange,
  encodeReplaced,
  encodeStored,
  replacedKey,
  type Stored,
} from '../data/records.js';
import type { Tables } from '../database/tables.js';
import { attach, detach } from '../leases/lease-book.js';

/** The changes of one revision, as they are written. */
export class Draft {
  readonly revision: number;
  readonly #tables: Tables;
  readonly #onWrite: () => void;
  #changes = 0;

  /** @param onWrite called before anything is written */
  constructor(tables: Tables, revision: number, onWrite: () => void) {
    this.#tables = tables;
    this.revision = revision;
    this.#onWrite = onWrite;
  }

  get changes(): number {
    return this.#changes;
  }

  /** Writes a key. Gives the entry that it replaced. */
  put(key: Uint8Array, value: Uint8Array, lease: LeaseId | undefined): Stored | undefined {
    const replaced = this.#retire('put', key);
    const entry: Stored = {
      createRevision: replaced?.createRevision ?? this.revision,
      modRevision: this.revision,
      version: (replaced?.version ?? 0) + 1,
      lease,
      value,
    };
    this.#tables.entries.putSync(key, encodeStored(entry));
    if (replaced?.lease !== lease) {
      if (replaced?.lease !== undefined) detach(this.#tables, replaced.lease, key);
      if (lease !== undefined) attach(this.#tables, lease, key);
    }
    return replaced;
  }

  /** Deletes a key. Gives its entry, or `undefined` if there was none, and nothing was done. */
  delete(key: Uint8Array): Stored | undefined {
    const deleted = this.#retire('delete', key);
    if (deleted === undefined) return undefined;
    this.#tables.entries.removeSync(key);
    if (deleted.lease !== undefined) detach(this.#tables, deleted.lease, key);
    return deleted;
  }

  /** Notes a change, and keeps the entry before it for the history. */
  #retire(type: 'put' | 'delete', key: Uint8Array): Stored | undefined {
    const { entries, replaced, changes } = this.#tables;
    const bytes = entries.get(key);
    const before = bytes && decodeStored(bytes);
    if (before === undefined && type === 'delete') return undefined;
    this.#onWrite();
    if (bytes !== undefined && before !== undefined) {
      replaced.putSync(replacedKey(key, before.modRevision), encodeReplaced(this.revision, bytes));
    }
    changes.putSync(
      changeKey(this.revision, this.#changes),
      encodeChange({ type, previous: before?.modRevision ?? 0, key }),
    );
    this.#changes += 1;
    return before;
  }
}
