/** What threads share: those of a server, or of a server and the clients beside it. */
export class Machine {
  readonly cores: number;
  #running: number;

  /** @param others how many threads of other programs run there all the time */
  constructor(cores: number, others = 0) {
    this.cores = cores;
    this.#running = others;
  }

  /** How fast each running thread goes: 1 while there is a core for each. */
  get speed(): number {
    return Math.min(1, this.cores / Math.max(1, this.#running));
  }

  begin(): void {
    this.#running += 1;
  }

  end(): void {
    this.#running -= 1;
  }
}
