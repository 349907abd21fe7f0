/**
 * Begins to listen for something that happens whenever the store may have changed, and calls `ring` then. It may ring too often, and once
 * after each reconnection. It gives a function that stops listening. A ring that is lost costs a watch one `pollMs`.
 */
export type Doorbell = (ring: () => void) => StopListening | Promise<StopListening>;
export type StopListening = () => unknown;

/** One doorbell for all watches of a store. It is listened to while there are any. */
export class Bell {
  readonly #doorbell: Doorbell | undefined;
  readonly #listeners = new Set<() => void>();
  #listening: Promise<StopListening> | undefined;

  constructor(doorbell: Doorbell | undefined) {
    this.#doorbell = doorbell;
  }

  /** Resolves when the doorbell is listened to, or can't be: then watches look now and then. */
  async join(listener: () => void): Promise<void> {
    this.#listeners.add(listener);
    const doorbell = this.#doorbell;
    if (doorbell === undefined) return;
    this.#listening ??= (async () => doorbell(this.#ring))();
    try {
      await this.#listening;
    } catch {
      // The next watch tries again. Until then each looks at least every pollMs.
      this.#listening = undefined;
    }
  }

  async leave(listener: () => void): Promise<void> {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    const listening = this.#listening;
    this.#listening = undefined;
    try {
      await (
        await listening
      )?.();
    } catch {
      // What can't be stopped, or never began, rings nobody.
    }
  }

  readonly #ring = (): void => {
    for (const listener of [...this.#listeners]) listener();
  };
}
