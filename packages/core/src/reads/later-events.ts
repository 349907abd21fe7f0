import type { KeyValue, UndecodableKey, WatchBatch, WatchEvent } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { hexOf } from '../table/undecodable-keys.js';

type KeyEvent = Exclude<WatchEvent, { readonly type: 'delete-range' }>;

/**
 * What a watch has told of a range while its pages are read: the last event of each key, since a page that was read before it does not
 * have it. How much is kept grows with the keys that change, not with their changes.
 */
export class LaterEvents {
  readonly #byKey = new Map<string, KeyEvent>();
  readonly #unreadable = new Map<string, UndecodableKey>();
  readonly #deletedRanges: { readonly range: KeyRange; readonly revision: number }[] = [];

  get isEmpty(): boolean {
    return this.#byKey.size + this.#unreadable.size + this.#deletedRanges.length === 0;
  }

  /** Batches come in order. */
  add({ events, undecodable }: WatchBatch): void {
    for (const event of events) {
      if (event.type === 'delete-range') this.#deleteRange(event);
      else this.#byKey.set(event.type === 'put' ? event.current.key : event.key, event);
    }
    for (const key of undecodable) this.#unreadable.set(hexOf(key.rawKey), key);
  }

  /** Whether a key as it was at a revision is not what it is now. */
  hasLater(key: string, revision: number): boolean {
    return (this.#byKey.get(key)?.revision ?? 0) > revision || this.#isDeleted(key, revision);
  }

  hasLaterUnreadable(rawKey: Uint8Array, revision: number): boolean {
    return (this.#unreadable.get(hexOf(rawKey))?.revision ?? 0) > revision || this.#isDeleted(rawKey, revision);
  }

  /** The entries that were put after their key was read; `readAt` says at which revision that was. */
  *puts(readAt: (key: string) => number): Generator<KeyValue> {
    for (const [key, event] of this.#byKey) {
      if (event.type === 'put' && event.revision > readAt(key)) yield event.current;
    }
  }

  *unreadablePuts(readAt: (rawKey: Uint8Array) => number): Generator<UndecodableKey> {
    for (const key of this.#unreadable.values()) {
      if (!key.deleted && key.revision > readAt(key.rawKey)) yield key;
    }
  }

  #isDeleted(key: string | Uint8Array, readAt: number): boolean {
    return this.#deletedRanges.some(({ range, revision }) => revision > readAt && range.contains(key));
  }

  #deleteRange({ range, revision }: Extract<WatchEvent, { readonly type: 'delete-range' }>): void {
    const deleted = KeyRange.from(range);
    this.#deletedRanges.push({ range: deleted, revision });
    for (const key of this.#byKey.keys()) {
      if (deleted.contains(key)) this.#byKey.set(key, { type: 'delete', key, revision });
    }
    for (const [hex, key] of this.#unreadable) {
      if (deleted.contains(key.rawKey)) this.#unreadable.set(hex, { ...key, deleted: true, revision });
    }
  }
}
