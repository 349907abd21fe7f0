/** The report of one new connection. */
export interface Ballot {
  readonly identity: string;
  /** In milliseconds, by a monotonic clock. */
  readonly at: number;
}

/** A full sample has at least this many connections, and covers at least this many milliseconds. */
const SAMPLE = { connections: 9, ms: 3_000 };
/**
 * A majority is at least this share of so many connections. If one member of three is fresh, and a balancer leads each connection to any of
 * them by chance, five of nine connections reach the fresh one every seventh time, and two thirds of 24 once in 1,000 times.
 */
const MAJORITY = { connections: 24, share: 2 / 3 };
/** Connections that tell the same within this time, in milliseconds, count once: many calls may connect at a time. */
const SAME_MS = 50;
/** The most connections that are remembered. */
const MOST = 256;

/** The reports of the latest new connections to one endpoint: a sample of the members that may stand behind its name. */
export class Ballots {
  /** The newest last. */
  readonly #sample: Ballot[] = [];
  #run = 0;
  /** The number of ballots since an answer contradicted the last one. */
  #unbroken = 0;

  add(identity: string, at: number): void {
    const { last } = this;
    const isSame = last?.identity === identity;
    if (isSame && this.#run > 0 && at - last.at < SAME_MS) return;
    this.#run = isSame ? this.#run + 1 : 1;
    this.#unbroken += 1;
    this.#sample.push({ identity, at });
    while (this.#sample.length > MOST || (this.#sample.length > MAJORITY.connections && this.#isFullFrom(1)))
      this.#sample.shift();
  }

  /** An answer over an open connection reported this identity: the run of any other one begins anew. */
  contradict(identity: string): void {
    if (this.#run === 0 || this.last?.identity === identity) return;
    this.#run = 0;
    this.#unbroken = 0;
  }

  get last(): Ballot | undefined {
    return this.#sample.at(-1);
  }

  /** The number of latest connections that reported the same identity, with no answer to the contrary. */
  get run(): number {
    return this.#run;
  }

  /** Whether a connection of the latest full sample told it. */
  has(identity: string): boolean {
    return this.#latest().some((ballot) => ballot.identity === identity);
  }

  /** Whether all connections of the latest full sample told the same identity, with no answer to the contrary. */
  get isUnanimous(): boolean {
    const { length } = this.#latest();
    return this.#isFullFrom(0) && this.#run >= length && this.#unbroken >= length;
  }

  /** The identity that so many of the latest connections told that it can't be for chance. */
  get majority(): string | undefined {
    const { connections, share } = MAJORITY;
    if (this.#sample.length < connections || !this.#isFullFrom(0)) return undefined;
    const counts = new Map<string, number>();
    for (const { identity } of this.#sample) counts.set(identity, (counts.get(identity) ?? 0) + 1);
    return [...counts].find(([, count]) => count >= this.#sample.length * share)?.[0];
  }

  /** Whether `other` was reported after `identity`: both clusters exist at the same time. */
  isMixed(identity: string, other: string): boolean {
    const first = this.#sample.findIndex((ballot) => ballot.identity === identity);
    return first >= 0 && this.#sample.slice(first).some((ballot) => ballot.identity === other);
  }

  /** The latest connections that make up a full sample; all of them where there are too few. */
  #latest(): readonly Ballot[] {
    let from = 0;
    while (this.#isFullFrom(from + 1)) from += 1;
    return this.#sample.slice(from);
  }

  #isFullFrom(index: number): boolean {
    const first = this.#sample[index];
    const last = this.#sample.at(-1);
    if (first === undefined || last === undefined) return false;
    return this.#sample.length - index >= SAMPLE.connections && last.at - first.at >= SAMPLE.ms;
  }
}
