import type { Clock, Logger, TimerHandle } from '@holdfast/store';
import { addAbortListener, Backoff, safeLogger } from '@holdfast/store/adapter';
import { KnownIdentity } from './known-identity.js';

export interface IdentityCensusOptions {
  /** The names of the store's endpoints, as they are now. */
  readonly endpoints: () => readonly string[];
  /**
   * Asks an endpoint for its identity over a separate connection, which is then closed: `undefined` if it reports none. Rejects, in bounded
   * time, if the endpoint can't be reached, and at once when the signal aborts.
   */
  readonly probe: (endpoint: string, signal: AbortSignal) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger?: Logger | undefined;
  /** See {@link KnownIdentity}. */
  readonly acceptAfterMs?: number | undefined;
  /** How long a new store waits for endpoints that do not answer, in milliseconds. Default: 3,000. */
  readonly startMs?: number | undefined;
}

/** The pace of the rounds of questions, in milliseconds: `even` rounds at the first pace, then slower ones. */
interface Pace {
  readonly even: number;
  readonly initialMs: number;
  readonly maxMs: number;
}

/** Two clusters are told of: it is to be known soon which one counts. */
const CONTEST: Pace = { even: 24, initialMs: 350, maxMs: 8_000 };
/** One cluster is told of, by too few to be sure. */
const DOUBT: Pace = { even: 0, initialMs: 1_000, maxMs: 15_000 };
/** The same behind one name, or after a change: the previous cluster may come back. */
const WATCH: Pace = { even: 0, initialMs: 1_000, maxMs: 60_000 };
/** The most warnings that are remembered: a server may make up identities. */
const MOST_WARNED = 100;

/**
 * Lets a new connection serve only if it reaches the store's own cluster. If that is in doubt, it asks all endpoints: when the store
 * starts, and whenever one reports another identity, until {@link KnownIdentity} has decided. It goes on asking, seldom, while the known
 * identity is not confirmed, or has replaced another one.
 */
export class IdentityCensus {
  readonly identity: KnownIdentity;
  readonly #options: IdentityCensusOptions;
  readonly #logger: Logger;
  readonly #closing = new AbortController();
  readonly #closed: Promise<void>;
  /** The warnings about foreign endpoints so far, so that each is logged once. */
  readonly #warned = new Set<string>();
  #beginning: Promise<void> | undefined;
  #rounds: { readonly pace: Pace; readonly backoff: Backoff; made: number } | undefined;
  #timer: TimerHandle;
  #isAsking = false;

  constructor(options: IdentityCensusOptions) {
    this.#options = options;
    this.#logger = safeLogger(options.logger);
    this.#closed = new Promise((resolve) => {
      addAbortListener(this.#closing.signal, resolve);
    });
    this.identity = new KnownIdentity(options);
    this.identity.onChange((identity, before) => {
      this.#warned.clear();
      if (before === undefined) return;
      this.#logger.warn(`the store's endpoints belong to cluster ${identity} now, no longer to ${before}`, {
        identity,
        before,
      });
    });
  }

  /**
   * A new connection to an endpoint reported its identity. Resolves once it may serve. When the store starts, that is once the cluster of
   * most endpoints is known.
   *
   * @throws StoreError `unavailable`, retryable, if the connection must not be used.
   */
  async admit(endpoint: string, identity: string): Promise<void> {
    this.identity.tell(endpoint, identity);
    if (this.identity.known === undefined) await (this.#beginning ??= this.#begin(endpoint));
    this.#follow();
    if (identity !== this.identity.known) throw this.#refuse(endpoint, identity);
  }

  /**
   * An answer over an open connection reported its identity. If this throws, neither the answer nor the connection may be used.
   *
   * @throws StoreError `unavailable`, retryable.
   */
  check(endpoint: string, identity: string): void {
    if (this.identity.hear(endpoint, identity)) return;
    this.#follow();
    throw this.#refuse(endpoint, identity);
  }

  /** Ends all questions. */
  close(): void {
    this.#closing.abort();
    this.#disarm();
  }

  #refuse(endpoint: string, identity: string): Error {
    const error = this.identity.refusal(endpoint, identity);
    const told = `${endpoint} ${identity}`;
    if (!this.#warned.has(told)) {
      if (this.#warned.size > MOST_WARNED) this.#warned.clear();
      this.#warned.add(told);
      this.#logger.warn(error.message, { endpoint });
    }
    return error;
  }

  /** Asks all other endpoints at once, until the majority is known, all have answered, or time is up. */
  async #begin(first: string): Promise<void> {
    const { clock, endpoints, startMs = 3_000 } = this.#options;
    let timer: TimerHandle;
    const late = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, startMs);
    });
    let off = (): void => undefined;
    const decided = new Promise<void>((resolve) => {
      off = this.identity.onChange(() => {
        resolve();
      });
    });
    const others = endpoints().filter((endpoint) => endpoint !== first);
    const all = Promise.all(others.map((endpoint) => this.#ask(endpoint)));
    await Promise.race([all, late, decided, this.#closed]);
    clock.clearTimeout(timer);
    off();
    this.identity.settle();
    if (this.identity.known !== undefined && !this.identity.isConfirmed) {
      this.#logger.warn(
        `fewer than half of the ${endpoints().length} endpoints answered; the store follows cluster ${this.identity.known} until more of them tell another`,
        { identity: this.identity.known },
      );
    }
    // If nothing was decided, the next connection asks again.
    this.#beginning = undefined;
  }

  async #ask(endpoint: string): Promise<void> {
    try {
      const identity = await this.#options.probe(endpoint, this.#closing.signal);
      if (identity !== undefined && !this.#closing.signal.aborted) this.identity.answer(endpoint, identity);
    } catch {
      // An endpoint that can't be reached has no vote. Calls report why.
    }
  }

  /** Asks the endpoints at the pace that the current state needs. */
  #follow(): void {
    const pace = this.#pace();
    if (pace === this.#rounds?.pace) return;
    this.#disarm();
    if (pace === undefined || this.#closing.signal.aborted) return;
    const backoff = new Backoff({ ...pace, random: this.#options.random });
    this.#rounds = { pace, backoff, made: 0 };
    this.#arm();
  }

  #pace(): Pace | undefined {
    const { known, isContested, isConfirmed, hasFormer } = this.identity;
    if (known === undefined) return undefined;
    if (isContested) return CONTEST;
    if (!isConfirmed && this.#options.endpoints().length > 1) return DOUBT;
    return isConfirmed && !hasFormer ? undefined : WATCH;
  }

  #arm(): void {
    const rounds = this.#rounds;
    if (rounds === undefined || this.#timer !== undefined || this.#isAsking) return;
    const { pace, backoff, made } = rounds;
    const jitter = 0.75 + 0.5 * this.#options.random();
    const delayMs = made < pace.even ? pace.initialMs * jitter : Math.max(pace.initialMs, backoff.next());
    rounds.made += 1;
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#timer = undefined;
      void this.#round();
    }, delayMs);
    // Nobody waits for it: it does not keep the process alive.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #disarm(): void {
    this.#rounds = undefined;
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #round(): Promise<void> {
    this.#isAsking = true;
    const begun = this.identity.beginRound();
    await Promise.all(this.#options.endpoints().map((endpoint) => this.#ask(endpoint)));
    this.identity.endRound(begun);
    this.#isAsking = false;
    if (this.#closing.signal.aborted) return;
    this.#follow();
    this.#arm();
  }
}
