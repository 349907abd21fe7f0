/** A first-in, first-out queue. Unlike an array's, its `shift` does not move the rest. */
export class Fifo<T extends object> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head * 2 > this.#items.length) {
      // More than half is taken: moving the rest now costs less than was taken since the last move.
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  last(): T | undefined {
    return this.length === 0 ? undefined : this.#items.at(-1);
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
