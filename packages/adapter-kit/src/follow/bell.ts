/**
 * Begins to listen for something that happens whenever the store may have changed, and calls `ring` then. It may ring too often, and once
 * after each reconnection. It gives a function that stops listening. A ring that is lost costs a watch one `pollMs`.
 */
export type Doorbell = (ring: () => void) => StopListening | Promise<StopListening>;
export type StopListening = () => unknown;

interface Listening {
  readonly begun: Promise<StopListening>;
  hasBegun: boolean;
}

/** One doorbell for all watches of a store. It is listened to while there are any. */
export class Bell {
  readonly #doorbell: Doorbell | undefined;
  readonly #listeners = new Set<() => void>();
  #listening: Listening | undefined;
  /** Since it failed, changes may have rung nobody. */
  #failed = false;
  /** How many looks there were since it failed. */
  #looks = 0;

  constructor(doorbell: Doorbell | undefined) {
    this.#doorbell = doorbell;
  }

  /** Resolves when the doorbell is listened to, or can't be: then watches look now and then. */
  async join(listener: () => void): Promise<void> {
    this.#listeners.add(listener);
    await this.#listen();
  }

  /**
   * Called before each look. Where listening has failed, it tries again, once for a look of each watch: about every pollMs. Nobody waits for
   * it: while a doorbell hangs, watches look every pollMs.
   */
  again(): void {
    if (!this.#failed || this.#listening !== undefined) return;
    this.#looks += 1;
    if (this.#looks >= this.#listeners.size) void this.#listen();
  }

  /** Resolves when the doorbell is not listened to any more. One that has not begun yet is not waited for, and stopped once it has. */
  async leave(listener: () => void): Promise<void> {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    const listening = this.#listening;
    this.#listening = undefined;
    if (listening === undefined) return;
    // What can't be stopped, or never began, rings nobody.
    const stopped = listening.begun.then((stop) => stop()).catch(() => undefined);
    if (listening.hasBegun) await stopped;
  }

  async #listen(): Promise<void> {
    const doorbell = this.#doorbell;
    if (doorbell === undefined) return;
    const listening = (this.#listening ??= { begun: (async () => doorbell(this.#ring))(), hasBegun: false });
    try {
      await listening.begun;
      listening.hasBegun = true;
    } catch {
      [this.#failed, this.#looks] = [true, 0];
      // Another attempt may have begun since.
      if (this.#listening === listening) this.#listening = undefined;
      return;
    }
    if (!this.#failed || this.#listening !== listening) return;
    this.#failed = false;
    this.#ring();
  }

  readonly #ring = (): void => {
    for (const listener of [...this.#listeners]) listener();
  };
}
