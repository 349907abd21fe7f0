/** Messages by name. A message waits until somebody listens. */
export class Mailbox {
  readonly #told = new Map<string, unknown[]>();
  readonly #waiting = new Map<string, ((data: unknown) => void)[]>();

  put(name: string, data: unknown): void {
    const waiter = this.#waiting.get(name)?.shift();
    if (waiter !== undefined) waiter(data);
    else this.#told.set(name, [...(this.#told.get(name) ?? []), data]);
  }

  take(name: string): Promise<unknown> {
    const told = this.#told.get(name);
    if (told !== undefined && told.length > 0) return Promise.resolve(told.shift());
    return new Promise((resolve) => {
      this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]);
    });
  }
}
