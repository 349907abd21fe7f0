/** The work that runs beside the steps of a plan. */
export class Background {
  readonly #running = new Set<Promise<unknown>>();
  readonly #violated: (guarantee: string, message: string) => void;

  constructor(violated: (guarantee: string, message: string) => void) {
    this.#violated = violated;
  }

  /** Lets the work run. Its starter handles its failure. */
  start(work: Promise<unknown>): void {
    this.#running.add(work);
    void work
      .finally(() => this.#running.delete(work))
      .catch((error: unknown) => {
        this.#violated('internal', `something failed that should not: ${String(error)}`);
      });
  }

  /** Waits until all work that was started by now has ended. */
  settled(): Promise<unknown> {
    return Promise.allSettled(this.#running);
  }
}
