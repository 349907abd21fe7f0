const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** From now on these signals end no process. A campaign asks whether one has come, finishes the world under way, and reports what it did. */
export class StopSignal {
  #isGiven = false;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, () => (this.#isGiven = true));
  }

  get isGiven(): boolean {
    return this.#isGiven;
  }
}
