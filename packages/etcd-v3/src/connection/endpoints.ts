import { isStoreError, StoreError } from '@holdfast/store';
import { abortable, Backoff, noteFailure, sleep, withDeadline } from '@holdfast/store/adapter';
import { byPreference, type EndpointAddress } from '@holdfast/etcd-common';
import { deferred } from './deferred.js';
import { Endpoint, type EndpointOptions } from './endpoint.js';
import type { EtcdChannel } from './etcd-channel.js';

/** An endpoint with its open connection. */
export interface Reached {
  readonly endpoint: Endpoint;
  readonly channel: EtcdChannel;
}

/** The endpoints that a call may use. */
export interface Choice {
  /** Endpoints to try last: the caller has seen them fail. */
  readonly avoid?: ReadonlySet<string> | undefined;
  /** Use only these. Default: all. */
  readonly among?: readonly Endpoint[] | undefined;
  readonly signal: AbortSignal | undefined;
}

/** After this long without an answer, in milliseconds, the next endpoint is tried as well. */
const STAGGER_MS = 500;

/**
 * The members of the cluster. Calls stay with one member while it is healthy, so that a store has one connection and its reads don't
 * jump between members. After a failure they move to another one.
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

  /** Adds those of these endpoints that are not known yet. */
  add(addresses: readonly EndpointAddress[]): void {
    for (const address of addresses) {
      if (this.#all.some(({ target }) => target === address.target)) continue;
      this.#all.push(this.#endpoint(address));
    }
  }

  find(name: string): Endpoint | undefined {
    return this.all.find((endpoint) => endpoint.name === name);
  }

  /** Calls the listener for each new connection, until the returned function is called. */
  onConnected(listener: () => void): () => void {
    this.#onConnected.add(listener);
    return () => this.#onConnected.delete(listener);
  }

  /** The endpoint that the next call uses, if it is connected. */
  get current(): Reached | undefined {
    const [endpoint] = byPreference(this.all, this.#preferred, () => false);
    return endpoint?.ready === undefined ? undefined : { endpoint, channel: endpoint.ready };
  }

  /**
   * What {@link acquire} gives to a call that avoids no endpoint, where that takes no time: the endpoint that calls stay with, if it is connected
   * and well.
   */
  get settled(): Reached | undefined {
    const endpoint = this.#preferred;
    const channel = endpoint?.ready;
    if (endpoint === undefined || channel === undefined || !endpoint.health.isGood) return undefined;
    endpoint.noteUse();
    return { endpoint, channel };
  }

  /**
   * A connected endpoint. If none is connected, it tries them in order of preference until `connectMs` have passed. When one fails or takes
   * long, it tries the next one as well.
   *
   * @throws StoreError `unavailable`, with every endpoint and its failure; `closed`; the signal's reason.
   */
  async acquire({ avoid, among = this.all, signal }: Choice): Promise<Reached> {
    const ordered = byPreference(among, this.#preferred, ({ name }) => avoid?.has(name) === true);
    for (const endpoint of ordered) {
      if (endpoint !== this.#preferred) endpoint.letGoIfUnused();
      const channel = endpoint.ready;
      // An endpoint to avoid is used at once only if all are to be avoided.
      if (
        channel !== undefined &&
        (endpoint === ordered[0] || (endpoint.health.isGood && avoid?.has(endpoint.name) !== true))
      ) {
        return this.#settleOn(endpoint, channel);
      }
    }
    const { endpoint, channel } = await this.#dial(ordered, signal);
    return this.#settleOn(endpoint, channel);
  }

  /** The store's cluster has changed: closes connections to the former one, and allows all endpoints to be tried. */
  refuseAllBut(identity: string): void {
    for (const endpoint of this.all) {
      const { ready } = endpoint;
      if (ready?.identity !== undefined && ready.identity !== identity) endpoint.refuse(ready);
      endpoint.health.answered();
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

  async #dial(ordered: readonly Endpoint[], signal: AbortSignal | undefined): Promise<Reached> {
    const { clock, connectMs: ms } = this.#options;
    const causes = new Map<Endpoint, StoreError>();
    const late = (): StoreError => unreachable(ordered, causes, ` within ${ms} ms (timeouts.connectMs)`);
    const done = new AbortController();
    try {
      return await withDeadline({ clock, ms, signal, late, isPatient: true }, (deadline) => {
        const over = AbortSignal.any([deadline.signal, done.signal]);
        let turn: Promise<unknown> = Promise.resolve();
        const tries = ordered.map((endpoint, index) => {
          const failedOnce = deferred<void>();
          const mine = turn;
          turn = Promise.race([failedOnce.promise, sleep(clock, (index + 1) * STAGGER_MS, over)]);
          return this.#tryOne(endpoint, mine, over, (cause) => {
            causes.set(endpoint, cause);
            noteFailure(signal, cause);
            failedOnce.resolve();
          });
        });
        turn.catch(() => undefined);
        return Promise.any(tries);
      });
    } catch (error) {
      if (!(error instanceof AggregateError)) throw error;
      // Every endpoint failed for good, for example with a bad certificate, which waiting does not fix.
      const [first] = error.errors as StoreError[];
      throw isStoreError(first, 'closed') ? first : unreachable(ordered, causes, '');
    } finally {
      done.abort(OVER);
    }
  }

  /** Tries one endpoint until it is reached, fails for good, or the dial is over. */
  async #tryOne(
    endpoint: Endpoint,
    turn: Promise<unknown>,
    over: AbortSignal,
    onFailure: (cause: StoreError) => void,
  ): Promise<Reached> {
    const { retry, random } = this.#options;
    const backoff = new Backoff({ ...retry, random });
    await turn;
    for (;;) {
      try {
        return { endpoint, channel: await abortable(endpoint.connect(), over) };
      } catch (error) {
        if (over.aborted || !isStoreError(error)) throw error;
        onFailure(error);
        if (!error.retryable) throw error;
      }
      await this.#rest(backoff.next(), over);
    }
  }

  /** Waits before the next attempt, or until another call has connected. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    let off = (): void => undefined;
    const connected = new Promise<void>((resolve) => {
      off = this.onConnected(resolve);
    });
    await Promise.race([sleep(this.#options.clock, ms, signal), connected]).finally(off);
  }
}

// Ends the attempts that lost the dial. No caller sees it.
const OVER = new StoreError('aborted', 'another endpoint was quicker');

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
    // Waiting mends no certificate; and where one endpoint may come back, or has not answered yet, the store may too.
    retryable: tried.some((endpoint) => causes.get(endpoint)?.retryable !== false),
  });
}
