import { Backoff, isStoreError, sleep, StoreError } from '@holdfast/store';
import type { EndpointAddress } from '@holdfast/etcd-common';
import { Endpoint, type EndpointOptions } from './endpoint.js';
import type { EtcdChannel } from './etcd-channel.js';

/** An endpoint with its open connection. */
export interface Reached {
  readonly endpoint: Endpoint;
  readonly channel: EtcdChannel;
}

/** Which endpoint a call wants. */
export interface Choice {
  /** Come last: the caller has seen them fail. */
  readonly avoid?: ReadonlySet<string> | undefined;
  /** Only these, where given. */
  readonly among?: readonly Endpoint[] | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The end of a dial, however it comes: as a signal, and as a promise that then rejects. */
interface DialEnd {
  readonly signal: AbortSignal;
  readonly lost: Promise<never>;
}

/** After how long without an answer the next endpoint is tried as well. */
const STAGGER_MS = 500;

/**
 * The members of the cluster. Calls stay with one of them while it is well, so that a store has one connection and its
 * reads don't jump between members; a failure moves them on.
 */
export class Endpoints {
  readonly #all: Endpoint[];
  readonly #options: EndpointOptions;
  readonly #onConnected = new Set<() => void>();
  #preferred: Endpoint | undefined;

  constructor(addresses: readonly EndpointAddress[], options: EndpointOptions) {
    this.#options = options;
    this.#all = addresses.map((address) => this.#endpoint(address));
    // A fleet that starts at once spreads over the members.
    this.#preferred = this.all[Math.floor(options.random() * this.all.length)];
  }

  get all(): readonly Endpoint[] {
    return this.#all;
  }

  /** Uses these as well, where they are not known yet. */
  add(addresses: readonly EndpointAddress[]): void {
    for (const address of addresses) {
      if (this.#all.some(({ target }) => target === address.target)) continue;
      this.#all.push(this.#endpoint(address));
    }
  }

  find(name: string): Endpoint | undefined {
    return this.all.find((endpoint) => endpoint.name === name);
  }

  /** Tells of each new connection, whoever has made it, until the function that this returns is called. */
  onConnected(listener: () => void): () => void {
    this.#onConnected.add(listener);
    return () => this.#onConnected.delete(listener);
  }

  /**
   * A connected endpoint. Where none is, they are tried in order of preference, the next one joining in when one fails
   * or takes long, again and again until `connectMs` have passed.
   *
   * @throws StoreError `unavailable`, naming every endpoint and what became of it; `closed`; the signal's reason.
   */
  async acquire({ avoid, among = this.all, signal }: Choice): Promise<Reached> {
    const ordered = this.#order(among, avoid ?? new Set());
    for (const endpoint of ordered) {
      if (endpoint !== this.#preferred) endpoint.letGoIfUnused();
      const channel = endpoint.ready;
      // An endpoint to be avoided is taken at once only where all are.
      if (
        channel !== undefined &&
        (endpoint === ordered[0] || (endpoint.healthy && avoid?.has(endpoint.name) !== true))
      ) {
        return this.#settleOn(endpoint, channel);
      }
    }
    const { endpoint, channel } = await this.#dial(ordered, signal);
    return this.#settleOn(endpoint, channel);
  }

  /** The store's cluster is another one from now on: ends connections to the former, and lets all endpoints be tried. */
  refuseAllBut(identity: string): void {
    for (const endpoint of this.all) {
      const { ready } = endpoint;
      if (ready?.identity !== undefined && ready.identity !== identity) endpoint.refuse(ready);
      endpoint.markHealthy();
    }
  }

  close(): void {
    for (const endpoint of this.all) endpoint.close();
  }

  #endpoint(address: EndpointAddress): Endpoint {
    return new Endpoint(address, this.#options, () => {
      for (const listener of [...this.#onConnected]) listener();
    });
  }

  #settleOn(endpoint: Endpoint, channel: EtcdChannel): Reached {
    this.#preferred = endpoint;
    endpoint.noteUse();
    return { endpoint, channel };
  }

  #order(among: readonly Endpoint[], avoid: ReadonlySet<string>): readonly Endpoint[] {
    const rank = (endpoint: Endpoint): number =>
      (avoid.has(endpoint.name) ? 4 : 0) + (endpoint.healthy ? 0 : 2) + (endpoint === this.#preferred ? 0 : 1);
    const from = Math.max(0, this.#preferred === undefined ? 0 : among.indexOf(this.#preferred));
    const rotated = [...among.slice(from), ...among.slice(0, from)];
    return rotated.sort((a, b) => rank(a) - rank(b) || a.avoidUntil - b.avoidUntil);
  }

  async #dial(ordered: readonly Endpoint[], signal: AbortSignal | undefined): Promise<Reached> {
    const { clock, connectMs } = this.#options;
    signal?.throwIfAborted();
    const causes = new Map<Endpoint, StoreError>();
    const over = new AbortController();
    const onAbort = (): void => {
      over.abort(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = clock.setTimeout(() => {
      over.abort(unreachable(ordered, causes, ` within ${connectMs} ms (timeouts.connectMs)`));
    }, connectMs);
    const lost = rejection(over.signal);
    try {
      let turn: Promise<unknown> = Promise.resolve();
      const tries = ordered.map((endpoint, index) => {
        const failedOnce = deferredVoid();
        const mine = turn;
        turn = Promise.race([failedOnce.promise, sleep(clock, (index + 1) * STAGGER_MS, over.signal)]);
        return this.#tryOne(endpoint, mine, { signal: over.signal, lost }, (cause) => {
          causes.set(endpoint, cause);
          failedOnce.resolve();
        });
      });
      turn.catch(() => undefined);
      return await Promise.race([Promise.any(tries), lost]);
    } catch (error) {
      if (over.signal.aborted) throw over.signal.reason;
      // Every endpoint failed for good, such as with a certificate that won't get better by waiting.
      const [first] = (error as AggregateError).errors as StoreError[];
      throw isStoreError(first, 'closed') ? first : unreachable(ordered, causes, '');
    } finally {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      over.abort(OVER);
    }
  }

  /** Tries one endpoint, from its turn on, until it is reached, fails for good, or the dial is over. */
  async #tryOne(
    endpoint: Endpoint,
    turn: Promise<unknown>,
    over: DialEnd,
    onFailure: (cause: StoreError) => void,
  ): Promise<Reached> {
    const { retry, random } = this.#options;
    const backoff = new Backoff({ ...retry, random });
    await turn;
    for (;;) {
      try {
        return { endpoint, channel: await Promise.race([endpoint.connect(), over.lost]) };
      } catch (error) {
        if (over.signal.aborted || !isStoreError(error)) throw error;
        onFailure(error);
        if (!error.retryable) throw error;
      }
      await this.#rest(backoff.next(), over.signal);
    }
  }

  /** Waits before the next attempt; not longer than until somebody else's has succeeded. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    let off = (): void => undefined;
    const connected = new Promise<void>((resolve) => {
      off = this.onConnected(resolve);
    });
    await Promise.race([sleep(this.#options.clock, ms, signal), connected]).finally(off);
  }
}

// What ends the losers of a dial that has been won; nobody sees it.
const OVER = new StoreError('aborted', 'another endpoint was quicker');

function deferredVoid(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((onResolve) => {
    resolve = onResolve;
  });
  return { promise, resolve };
}

function rejection(signal: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_resolve, reject) => {
    signal.addEventListener(
      'abort',
      () => {
        reject(signal.reason as Error);
      },
      { once: true },
    );
  });
  promise.catch(() => undefined);
  return promise;
}

function unreachable(
  tried: readonly Endpoint[],
  causes: ReadonlyMap<Endpoint, StoreError>,
  inTime: string,
): StoreError {
  const named = tried.map((endpoint) => causes.get(endpoint)?.message ?? `${endpoint.name}: no answer yet`);
  const last = [...causes.values()].at(-1);
  return new StoreError('unavailable', `no etcd could be reached${inTime}: ${named.join('; ')}`, {
    cause: last,
    endpoint: last?.endpoint ?? tried[0]?.name,
  });
}
