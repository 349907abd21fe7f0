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

  /**
   * Notes what was read. What was noted first stays, so a later read never hides a change since then.
   *
   * @returns false where an entry has changed since it was noted first: then the transaction can't happen
   */
  note(range: KeyRange, { items, bookmark }: ListResult): boolean {
    if (range.key !== undefined) return this.#noteKey(range.key, items[0]?.modRevision ?? 0);
    const name = range.toString();
    if (!this.#ranges.has(name)) this.#ranges.set(name, { range, at: bookmark.revision });
    let isSame = true;
    for (const { key, modRevision } of items) isSame = this.#noteKey(key, modRevision) && isSame;
    return isSame;
  }

  #noteKey(key: string, modRevision: number): boolean {
    const noted = this.#keys.get(key);
    if (noted === undefined) this.#keys.set(key, modRevision);
    return noted === undefined || noted === modRevision;
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
