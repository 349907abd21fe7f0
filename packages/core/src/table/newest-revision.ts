import type { Revision } from '@holdfast/store';

/** At most so many revisions are held. When there is one more, the older half is let go. */
const MOST_HELD = 256;

/**
 * The highest revision of all keys, while keys are written and deleted. It holds the newest revisions and how many keys have each, since
 * the newest key is often the next one to be deleted. All keys have to be looked at again only when none of those is left.
 */
export class NewestRevision {
  /** Ascending. */
  readonly #held: Revision[] = [];
  /** How many keys have each of them. */
  readonly #counts: number[] = [];
  /** The highest revision of all other keys. How many have it is not known. */
  #floor: Revision | undefined;
  #isFloorGone = false;

  /** @param floor the highest revision of the keys that are there already */
  constructor(floor?: Revision) {
    this.#floor = floor;
  }

  /** Whether all keys have to be looked at. */
  get isUnknown(): boolean {
    return this.#held.length === 0 && this.#isFloorGone;
  }

  /** `undefined` if there is no key. */
  get revision(): Revision | undefined {
    return this.#held.at(-1) ?? this.#floor;
  }

  /** Another key has this revision. */
  add(revision: Revision): void {
    if (revision <= (this.#floor ?? 0)) return;
    let index = this.#held.length;
    while (index > 0 && (this.#held[index - 1] ?? 0) > revision) index -= 1;
    if (this.#held[index - 1] === revision) {
      this.#counts[index - 1] = (this.#counts[index - 1] ?? 0) + 1;
      return;
    }
    this.#held.splice(index, 0, revision);
    this.#counts.splice(index, 0, 1);
    if (this.#held.length > MOST_HELD) this.#shrink();
  }

  /** A key that had this revision has it no longer. */
  remove(revision: Revision | undefined): void {
    if (revision === undefined || revision < (this.#floor ?? 0)) return;
    if (revision === this.#floor) {
      this.#isFloorGone = true;
      return;
    }
    const index = this.#held.lastIndexOf(revision);
    const left = (this.#counts[index] ?? 0) - 1;
    if (left > 0) {
      this.#counts[index] = left;
    } else if (index >= 0) {
      this.#held.splice(index, 1);
      this.#counts.splice(index, 1);
    }
  }

  #shrink(): void {
    const older = MOST_HELD / 2;
    this.#floor = this.#held[older - 1];
    this.#isFloorGone = false;
    this.#held.splice(0, older);
    this.#counts.splice(0, older);
  }
}
