import type { Compare, ListResult, Revision } from '@holdfast/store';
import type { KeyRange } from '@holdfast/store/adapter';

/** What a transaction has read from the store: it may happen only where all of that is still so. */
export class Reads {
  /** The mod revisions of keys; 0 for an absent one. */
  readonly #keys = new Map<string, number>();
  readonly #ranges = new Map<string, { readonly range: KeyRange; readonly at: Revision }>();

  get isEmpty(): boolean {
    return this.#keys.size === 0 && this.#ranges.size === 0;
  }

  note(range: KeyRange, { items, bookmark }: ListResult): void {
    if (range.key !== undefined) {
      this.#keys.set(range.key, items[0]?.modRevision ?? 0);
      return;
    }
    for (const { key, modRevision } of items) this.#keys.set(key, modRevision);
    this.#ranges.set(range.toString(), { range, at: bookmark.revision });
  }

  /** A range is unchanged where each key of it is, and none is newer than the read: a new key would be a phantom. */
  compares(): readonly Compare[] {
    return [
      ...[...this.#keys].map(([key, value]): Compare => ({ key, target: 'modRevision', op: '=', value })),
      ...[...this.#ranges.values()].map(({ range, at }): Compare => ({
        range: range.toRange(),
        target: 'modRevision',
        op: '<',
        value: at + 1,
      })),
    ];
  }
}
