/** What runs beside the steps of a plan. */
export class Background {
  readonly #running = new Set<Promise<unknown>>();
  readonly #violated: (guarantee: string, message: string) => void;

  constructor(violated: (guarantee: string, message: string) => void) {
    this.#violated = violated;
  }

  /** Lets it run; whoever starts it deals with its failure. */
  start(work: Promise<unknown>): void {
    this.#running.add(work);
    void work
      .finally(() => this.#running.delete(work))
      .catch((error: unknown) => {
        this.#violated('internal', `something failed that should not: ${String(error)}`);
      });
  }

  /** Until nothing of what was started by now runs any more. */
  settled(): Promise<unknown> {
    return Promise.allSettled(this.#running);
  }
}
