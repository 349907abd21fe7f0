import { connectivityState, Metadata } from '@grpc/grpc-js';
import { Backoff, isStoreError, StoreError, type Clock } from '@holdfast/store';
import type { EndpointAddress } from '@holdfast/etcd-common';
import { toConnectError } from '../errors.js';
import { EtcdChannel, type ChannelOptionSource } from './etcd-channel.js';
import { STATUS } from './rpc.js';

export interface EndpointOptions extends ChannelOptionSource {
  readonly connectMs: number;
  readonly retry: { readonly initialMs: number; readonly maxMs: number };
  readonly clock: Clock;
  readonly random: () => number;
}

type State =
  | { readonly status: 'idle' }
  | { readonly status: 'connecting'; readonly attempt: ConnectAttempt }
  | { readonly status: 'ready'; readonly channel: EtcdChannel }
  | { readonly status: 'closed' };

interface ConnectAttempt {
  readonly channel: EtcdChannel;
  readonly outcome: Promise<EtcdChannel>;
  fail(error: StoreError): void;
}

/** How long after a failure an endpoint is avoided, at first and at most; doubles. */
const UNHEALTHY_MS = { initialMs: 500, maxMs: 15_000 };

/** One member of the cluster as this store reaches it: its connection, and how it has been lately. */
export class Endpoint {
  readonly name: string;
  readonly #address: EndpointAddress;
  readonly #options: EndpointOptions;
  readonly #onReady: () => void;
  readonly #penalty: Backoff;
  /** Channels whose last calls or sockets are still ending. */
  readonly #leaving = new Set<EtcdChannel>();
  #state: State = { status: 'idle' };
  #avoidUntil = 0;
  #usedAt = 0;

  /** @param onReady called with each new connection */
  constructor(address: EndpointAddress, options: EndpointOptions, onReady: () => void = () => undefined) {
    this.name = address.name;
    this.#address = address;
    this.#options = options;
    this.#onReady = onReady;
    this.#penalty = new Backoff({ ...UNHEALTHY_MS, random: options.random });
  }

  /** Its address as gRPC knows it: what makes two endpoints the same. */
  get target(): string {
    return this.#address.target;
  }

  /** The open connection, if there is one. */
  get ready(): EtcdChannel | undefined {
    return this.#state.status === 'ready' ? this.#state.channel : undefined;
  }

  /** A call goes to it. */
  noteUse(): void {
    this.#usedAt = this.#options.clock.now();
  }

  /**
   * Gives up an open connection that had no call for longer than a ping's interval. Nobody pings it then, so that it may have been dead for
   * long, and whoever used it would find that out only by another interval.
   */
  letGoIfUnused(): void {
    const { clock, keepalive } = this.#options;
    if (this.#state.status !== 'ready' || keepalive === undefined) return;
    if (Math.abs(clock.now() - this.#usedAt) > keepalive.intervalMs) this.#lose(this.#state.channel);
  }

  /** Whether it has not failed lately. */
  get healthy(): boolean {
    const leftMs = this.#avoidUntil - this.#options.clock.now();
    // More than it can ever be given: somebody has set the wall clock back.
    return leftMs <= 0 || leftMs > UNHEALTHY_MS.maxMs;
  }

  /** When a failed endpoint is to be preferred again, in milliseconds since the epoch. */
  get avoidUntil(): number {
    return this.#avoidUntil;
  }

  markUnhealthy(): void {
    this.#avoidUntil = this.#options.clock.now() + this.#penalty.next();
  }

  markHealthy(): void {
    if (this.#avoidUntil === 0) return;
    this.#avoidUntil = 0;
    this.#penalty.reset();
  }

  /**
   * The open connection, or a new one. Callers share one attempt, which nobody's abort ends.
   *
   * @throws StoreError `unavailable` after at most `connectMs`; `closed`.
   */
  connect(): Promise<EtcdChannel> {
    const state = this.#state;
    switch (state.status) {
      case 'ready':
        return Promise.resolve(state.channel);
      case 'connecting':
        return state.attempt.outcome;
      case 'closed':
        return Promise.reject(closedError());
      case 'idle':
        return this.#begin();
      default:
        return state satisfies never;
    }
  }

  /** Ends the connection and everything on it. */
  close(): void {
    const state = this.#state;
    this.#state = { status: 'closed' };
    if (state.status === 'ready') state.channel.destroy();
    if (state.status === 'connecting') state.attempt.fail(closedError());
    for (const channel of this.#leaving) channel.destroy();
    this.#leaving.clear();
  }

  async #begin(): Promise<EtcdChannel> {
    let channel: EtcdChannel;
    try {
      channel = new EtcdChannel(this.#address, this.#options);
    } catch (error) {
      if (isStoreError(error)) throw error;
      throw new StoreError('invalid-argument', 'the function given as option tls failed', { cause: error });
    }
    const attempt = this.#attempt(channel);
    this.#state = { status: 'connecting', attempt };
    return attempt.outcome;
  }

  #attempt(channel: EtcdChannel): ConnectAttempt {
    const { clock, connectMs } = this.#options;
    const { promise: outcome, resolve, reject } = deferred<EtcdChannel>();
    const attempt: ConnectAttempt = {
      channel,
      outcome,
      fail: (error) => {
        clock.clearTimeout(timer);
        // Also ends a handshake that hangs: the next attempt must not wait for that one.
        channel.destroy();
        if (this.#isConnecting(channel)) {
          this.#state = { status: 'idle' };
          this.markUnhealthy();
        }
        reject(error);
      },
    };
    const timer = clock.setTimeout(() => {
      attempt.fail(
        new StoreError('unavailable', `${this.name}: no connection within ${connectMs} ms (timeouts.connectMs)`, {
          endpoint: this.name,
        }),
      );
    }, connectMs);
    // Whoever waits gets the failure; it must not count as unhandled where everybody has given up.
    outcome.catch(() => undefined);
    channel.connect((state) => {
      if (this.#isConnecting(channel)) {
        if (state === connectivityState.READY) {
          clock.clearTimeout(timer);
          this.#state = { status: 'ready', channel };
          this.markHealthy();
          resolve(channel);
          this.#onReady();
        } else if (state !== connectivityState.CONNECTING) {
          this.#explain(channel, attempt);
        }
      } else if (state !== connectivityState.READY) {
        this.#lose(channel);
      }
    });
    return attempt;
  }

  /** A channel's state says that connecting failed; only a call is told why. */
  #explain(channel: EtcdChannel, attempt: ConnectAttempt): void {
    channel.unary(STATUS, {}, new Metadata(), (failure) => {
      attempt.fail(toConnectError(failure?.details ?? 'the connection broke at once', this.name));
    });
  }

  #isConnecting(channel: EtcdChannel): boolean {
    return this.#state.status === 'connecting' && this.#state.attempt.channel === channel;
  }

  /** The connection broke, or the server is about to end it. Calls under way on it may still finish. */
  #lose(channel: EtcdChannel): void {
    if (this.#state.status !== 'ready' || this.#state.channel !== channel) return;
    this.#state = { status: 'idle' };
    channel.close();
    for (const left of this.#leaving) if (!left.lingers) this.#leaving.delete(left);
    this.#leaving.add(channel);
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: Error) => void } {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

function closedError(): StoreError {
  return new StoreError('closed', 'the store is closed');
}
