import { StoreError, type Clock } from '@holdfast/store';
import { monotonicMs } from '@holdfast/store/adapter';
import { Ballots } from './ballots.js';

export interface KnownIdentityOptions {
  readonly clock: Clock;
  /** The names of the store's endpoints, as they are now. */
  readonly endpoints: () => readonly string[];
  /** After this long, in milliseconds, another identity is accepted if no endpoint reported the known one meanwhile. Default: never. */
  readonly acceptAfterMs?: number | undefined;
}

/** How the known identity was accepted. */
interface Acceptance {
  /** Whether enough endpoints or connections reported it. */
  readonly isConfirmed: boolean;
  /** Whether it replaces a cluster that was really in use, and that may come back. */
  readonly replaces: boolean;
}

/** The number of new connections that make an endpoint's vote for a change: a single one may be a load balancer's mistake. */
const REPEATED = 2;
/** An endpoint that has reported nothing for this long, in milliseconds, has no vote. */
const VOTE_MS = 60_000;
/** The most foreign identities, and former ones, that are remembered: a server may make them up. */
const MOST = 16;

/**
 * The identity of the history that a store serves (the cluster id), and the identities that its endpoints report. The known identity
 * belongs to the store. An endpoint with another identity is foreign, and serves nothing.
 *
 * - A store that knows none yet takes that of more than half of its endpoints; where fewer can be reached, see {@link settle}.
 * - Another identity is accepted when more than half of the endpoints tell it in two rounds of questions, one after the
 *   other. Behind one name, which may be a load balancer's, all new connections of some seconds must tell it, and no
 *   answer the known one.
 * - Behind one name, a majority of new connections is enough to take back the identity before a change, or to correct
 *   one that was taken from the first connection alone.
 * - Time alone changes nothing unless `acceptAfterMs` is set.
 *
 * Pure policy: it asks nobody, and sets no timer. `IdentityCensus` does.
 */
export class KnownIdentity {
  readonly #clock: Clock;
  readonly #endpoints: () => readonly string[];
  readonly #acceptAfterMs: number | undefined;
  readonly #ballots = new Map<string, Ballots>();
  /** What the endpoints told that were asked in the present round. */
  #answers = new Map<string, string>();
  /** The same of the round before. */
  #answersBefore: ReadonlyMap<string, string> = new Map();
  /** Since when each foreign identity has been told, with the known one told by nobody. */
  readonly #aloneSince = new Map<string, number>();
  /** The identities known before, the latest last. */
  readonly #former: string[] = [];
  readonly #listeners = new Set<(identity: string, before: string | undefined) => void>();
  #known: string | undefined;
  #isConfirmed = false;
  #isContested = false;

  constructor({ clock, endpoints, acceptAfterMs }: KnownIdentityOptions) {
    this.#clock = clock;
    this.#endpoints = endpoints;
    this.#acceptAfterMs = acceptAfterMs;
  }

  /** The store's identity; `undefined` before the first one was accepted. */
  get known(): string | undefined {
    return this.#known;
  }

  /** Whether enough endpoints or connections reported the known identity. */
  get isConfirmed(): boolean {
    return this.#isConfirmed;
  }

  /** Whether another identity was known before and may come back. */
  get hasFormer(): boolean {
    return this.#former.length > 0;
  }

  /** Whether another identity was reported and nothing is decided yet. */
  get isContested(): boolean {
    return this.#isContested;
  }

  /** Calls the listener for each change of the known identity, until the returned function is called. */
  onChange(listener: (identity: string, before: string | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes an identity as known before any endpoint was asked, such as that of a saved copy. Later it does nothing. */
  assume(identity: string): void {
    if (this.#known === undefined) this.#accept(identity, { isConfirmed: true, replaces: false });
  }

  /** A new connection to an endpoint reported its identity. */
  tell(endpoint: string, identity: string): void {
    this.#ballotsOf(endpoint).add(identity, this.#now());
    this.#note(identity);
    const winner = this.#winner();
    if (this.#hasWaited(identity)) this.#accept(identity, { isConfirmed: false, replaces: true });
    else if (winner === undefined) this.#takeFirst(identity);
    else if (winner.identity === this.#known) this.#isConfirmed = true;
    else this.#accept(winner.identity, { isConfirmed: true, replaces: winner.replaces });
  }

  /** An endpoint that was asked in the current round reported its identity over a new connection. */
  answer(endpoint: string, identity: string): void {
    this.#answers.set(endpoint, identity);
    this.tell(endpoint, identity);
  }

  /**
   * An answer over an open connection reported its identity.
   *
   * @returns whether it is the known one
   */
  hear(endpoint: string, identity: string): boolean {
    if (this.#known === undefined) this.tell(endpoint, identity);
    if (identity !== this.#known) {
      this.#note(identity);
      return false;
    }
    if (this.#aloneSince.size > 0) this.#aloneSince.clear();
    this.#ballots.get(endpoint)?.contradict(identity);
    if (this.#answers.get(endpoint) !== identity) this.#answers.delete(endpoint);
    return true;
  }

  /** Every endpoint was asked: if no identity is known yet, takes the one that most answers reported. */
  settle(): void {
    if (this.#known !== undefined) return;
    const votes = this.#votes(1);
    const told = [...votes.values()].reduce((sum, count) => sum + count, 0);
    for (const [identity, count] of votes) {
      if (count > told / 2) this.#accept(identity, { isConfirmed: false, replaces: false });
    }
  }

  /** Begins to ask every endpoint over a new connection. Pass the result to {@link endRound}. */
  beginRound(): number {
    this.#answersBefore = this.#answers;
    this.#answers = new Map();
    return this.#now();
  }

  /** Every endpoint was asked since `begun`. If the known identity won, the contest is over. */
  endRound(begun: number): void {
    if (this.#winner(begun)?.identity === this.#known) this.#isContested = false;
  }

  /** The error for an endpoint that reported this identity and is not used: `unavailable`, retryable. */
  refusal(endpoint: string, identity: string): StoreError {
    const message = this.#known === undefined ? this.#disagreement() : this.#foreign(endpoint, identity, this.#known);
    return new StoreError('unavailable', message, { endpoint, retryable: true });
  }

  #foreign(endpoint: string, identity: string, known: string): string {
    const { length } = this.#endpoints();
    const when =
      length > 1
        ? `more than half of the ${length} endpoints tell it`
        : 'all new connections of some seconds tell it, and none the old one';
    return (
      `${endpoint} belongs to cluster ${identity}, but this store follows cluster ${known}: nothing is read or written there. ` +
      `If that member was bootstrapped anew, remove it, or let it join its cluster again. ` +
      `If the cluster was replaced, the new one is accepted as soon as ${when} (or after identity.acceptAfterMs, if set)`
    );
  }

  #disagreement(): string {
    const told = [...this.#ballots].map(([name, ballots]) => `${name} to ${ballots.last?.identity ?? 'none'}`);
    return (
      `the endpoints belong to different clusters, and none of these has a majority: ${told.join(', ')}. ` +
      `Remove the endpoints that are not of your cluster, or bring up those that do not answer`
    );
  }

  #ballotsOf(endpoint: string): Ballots {
    let ballots = this.#ballots.get(endpoint);
    if (ballots === undefined) this.#ballots.set(endpoint, (ballots = new Ballots()));
    return ballots;
  }

  #note(identity: string): void {
    if (identity === this.#known) this.#aloneSince.clear();
    else if (this.#known !== undefined) {
      this.#isContested = true;
      if (!this.#aloneSince.has(identity) && this.#aloneSince.size < MOST) this.#aloneSince.set(identity, this.#now());
    }
  }

  #hasWaited(identity: string): boolean {
    const since = this.#aloneSince.get(identity);
    return this.#acceptAfterMs !== undefined && since !== undefined && this.#now() - since >= this.#acceptAfterMs;
  }

  #takeFirst(identity: string): void {
    const isFirst = this.#known === undefined && this.#endpoints().length === 1;
    if (isFirst) this.#accept(identity, { isConfirmed: false, replaces: false });
  }

  /** The identity that wins by all reports since then; `undefined` if they decide nothing. */
  #winner(since = -Infinity): { readonly identity: string; readonly replaces: boolean } | undefined {
    const endpoints = this.#endpoints();
    if (endpoints.length === 1) return this.#winnerBehind(endpoints[0] ?? '', since);
    const repeated = this.#majority(REPEATED, since);
    const once = this.#majority(1, since);
    const isFirst = this.#known === undefined;
    const change = repeated !== undefined && (isFirst || this.#isAnsweredByMost(repeated)) ? repeated : undefined;
    const identity = isFirst || once === this.#known ? (change ?? once) : change;
    return identity === undefined ? undefined : { identity, replaces: this.#isConfirmed };
  }

  /**
   * Whether more than half of the endpoints told it in two rounds, one after the other. One foreign member may answer at one endpoint after
   * the other, and may go from one to the other within a round.
   */
  #isAnsweredByMost(identity: string): boolean {
    const endpoints = this.#endpoints();
    const rounds = [this.#answers, this.#answersBefore];
    const count = endpoints.filter((endpoint) => rounds.every((round) => round.get(endpoint) === identity)).length;
    return count > endpoints.length / 2;
  }

  #majority(repeated: number, since: number): string | undefined {
    const { length } = this.#endpoints();
    return [...this.#votes(repeated, since)].find(([, count]) => count > length / 2)?.[0];
  }

  /** The number of endpoints that report each identity with at least their last `repeated` connections. */
  #votes(repeated: number, since = -Infinity): Map<string, number> {
    const votes = new Map<string, number>();
    const oldest = Math.max(since, this.#now() - VOTE_MS);
    for (const endpoint of this.#endpoints()) {
      const ballots = this.#ballots.get(endpoint);
      const last = ballots?.last;
      if (ballots === undefined || last === undefined || last.at < oldest || ballots.run < repeated) continue;
      votes.set(last.identity, (votes.get(last.identity) ?? 0) + 1);
    }
    return votes;
  }

  /** The winner for a store with one endpoint. */
  #winnerBehind(name: string, since: number): { readonly identity: string; readonly replaces: boolean } | undefined {
    const ballots = this.#ballots.get(name);
    const last = ballots?.last;
    if (ballots === undefined || last === undefined || last.at < since) return undefined;
    if (ballots.isUnanimous) return { identity: last.identity, replaces: last.identity !== this.#known };
    const most = ballots.majority;
    if (most !== undefined && this.#mayWinByMajority(most, ballots)) return { identity: most, replaces: false };
    // For a confirmed identity one connection is enough: it breaks every streak.
    const isSafe = this.#isConfirmed && this.#former.every((identity) => !ballots.has(identity));
    return isSafe && last.identity === this.#known ? { identity: last.identity, replaces: false } : undefined;
  }

  #mayWinByMajority(identity: string, ballots: Ballots): boolean {
    // The sample may be older than the take-over by another cluster, so the last connection must agree.
    if (identity === this.#known) return ballots.last?.identity === identity;
    if (this.#former.includes(identity)) return true;
    // Both clusters are there at a time: the first connection had found the one that fewer belong to. Otherwise one of
    // them ended and the other one began, which a streak has to show.
    return !this.#isConfirmed && this.#known !== undefined && ballots.isMixed(identity, this.#known);
  }

  #accept(identity: string, { isConfirmed, replaces }: Acceptance): void {
    const before = this.#known;
    const at = this.#former.indexOf(identity);
    // The former identity is back: those known since then are as foreign as any other.
    if (at >= 0) this.#former.splice(at);
    else if (before !== undefined && replaces) this.#former.push(before);
    if (this.#former.length > MOST) this.#former.shift();
    this.#known = identity;
    this.#isConfirmed = isConfirmed;
    this.#isContested = false;
    this.#aloneSince.clear();
    for (const listener of [...this.#listeners]) listener(identity, before);
  }

  #now(): number {
    return monotonicMs(this.#clock);
  }
}
