import type { Revision } from '@holdfast/store';

/** What was missed while a mirror had no connection: how far that goes, and whether it may be read in place of a watch that would replay it. */
export class Missed {
  #toldHead: Revision | undefined;
  #readHead: number | undefined;
  #reading: Promise<unknown> | undefined;
  /** What a watch has to show before another read: not again and again, where one leaves the mirror as far behind as it was, or fails each time. */
  #awaited: 'the history' | 'everything' | undefined;

  /** The store's head that was told when the watch was established, if one was. */
  get toldHead(): number | undefined {
    return this.#toldHead;
  }

  /**
   * The store's head that was told when the watch was established, or read first since: what was written later was not missed.
   *
   * @param head by a read; it counts if no other was there before
   */
  upTo(head: number): number {
    return this.#toldHead ?? (this.#readHead ??= head);
  }

  get mayBeRead(): boolean {
    return this.#awaited === undefined;
  }

  /** It is being read. */
  read(reading: Promise<unknown>): void {
    const awaiting = (awaited: 'the history' | 'everything') => () => {
      this.#awaited = awaited;
    };
    this.#reading = reading.then(awaiting('the history'), awaiting('everything'));
  }

  /** Resolves when nothing of it is being read any more. */
  async untilRead(): Promise<void> {
    await this.#reading;
  }

  /** A watch is established. */
  established(head: Revision | undefined): void {
    this.lost();
    this.#toldHead = head;
  }

  /** A watch has proved the history, and with `isProved` that the mirror is complete. */
  held(isProved: boolean): void {
    if (isProved || this.#awaited === 'the history') this.#awaited = undefined;
  }

  /** The watch has no connection any more. */
  lost(): void {
    this.#toldHead = undefined;
    this.#readHead = undefined;
  }
}
