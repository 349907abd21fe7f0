/** What a server was asked for, and what it spent, second by second. */
export class Load {
  readonly #now: () => number;
  readonly #cpuMs: number[] = [];
  readonly #demandMs: number[] = [];
  readonly #requests: number[] = [];
  readonly #kinds = new Map<string, number>();
  #began: number;
  #totalMs = 0;

  constructor(now: () => number) {
    this.#now = now;
    this.#began = now();
  }

  /** Counts from now on. */
  begin(): void {
    this.#began = this.#now();
    for (const counts of [this.#cpuMs, this.#demandMs, this.#requests]) counts.length = 0;
    this.#kinds.clear();
    this.#totalMs = 0;
  }

  asked(kind: string, costMs: number): void {
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
    this.#add(this.#requests, 1);
    this.#add(this.#demandMs, costMs);
  }

  /** Something that is only counted. */
  note(kind: string): void {
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
  }

  spent(ms: number): void {
    this.#totalMs += ms;
    this.#add(this.#cpuMs, ms);
  }

  get cpuMs(): number {
    return this.#totalMs;
  }

  /** By second: CPU milliseconds that the server spent. */
  get cpuBySecond(): readonly number[] {
    return filled(this.#cpuMs);
  }

  /** By second: CPU milliseconds that new requests will cost. */
  get demandBySecond(): readonly number[] {
    return filled(this.#demandMs);
  }

  /** By second: how many requests began. */
  get requestsBySecond(): readonly number[] {
    return filled(this.#requests);
  }

  get kinds(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#kinds].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #add(counts: number[], amount: number): void {
    const second = Math.floor((this.#now() - this.#began) / 1_000);
    counts[second] = (counts[second] ?? 0) + amount;
  }
}

function filled(counts: readonly number[]): readonly number[] {
  return Array.from(counts, (count: number | undefined) => count ?? 0);
}
