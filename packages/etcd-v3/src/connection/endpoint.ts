import { connectivityState, Metadata } from '@grpc/grpc-js';
import { Backoff, isStoreError, messageOf, StoreError, type Clock } from '@holdfast/store';
import type { EndpointAddress } from '@holdfast/etcd-common';
import { toConnectError } from '../errors.js';
import { EtcdChannel, type ChannelOptionSource } from './etcd-channel.js';
import { STATUS } from './rpc.js';

export interface EndpointOptions extends ChannelOptionSource {
  readonly connectMs: number;
  readonly retry: { readonly initialMs: number; readonly maxMs: number };
  readonly clock: Clock;
  readonly random: () => number;
  /** Lets a new connection in, before anybody has it. A throw ends it: it must not be used. */
  readonly admit?: ((endpoint: string, channel: EtcdChannel) => Promise<void>) | undefined;
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
/** How long after a connection was replaced the next one may be, at first and at most, in milliseconds; doubles. */
const REPLACE_MS = { initialMs: 250, maxMs: 10_000 };
/** After so long without a replacement, in milliseconds, the next one is a first one again. */
const CALM_MS = 30_000;

/** One member of the cluster as this store reaches it: its connection, and how it has been lately. */
export class Endpoint {
  readonly name: string;
  readonly #address: EndpointAddress;
  readonly #options: EndpointOptions;
  readonly #onReady: () => void;
  readonly #penalty: Backoff;
  readonly #replacements: Backoff;
  /** Channels whose last calls or sockets are still ending. */
  readonly #leaving = new Set<EtcdChannel>();
  #state: State = { status: 'idle' };
  #avoidUntil = 0;
  #usedAt = 0;
  #replacedAt = -Infinity;
  #replaceableAt = -Infinity;
  /** The next connection is in place of one that was given up. */
  #isReplacing = false;

  /** @param onReady called with each new connection */
  constructor(address: EndpointAddress, options: EndpointOptions, onReady: () => void = () => undefined) {
    this.name = address.name;
    this.#address = address;
    this.#options = options;
    this.#onReady = onReady;
    this.#penalty = new Backoff({ ...UNHEALTHY_MS, random: options.random });
    this.#replacements = new Backoff({ ...REPLACE_MS, random: options.random });
  }

  get address(): EndpointAddress {
    return this.#address;
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

  /**
   * Gives up a connection whose member is in trouble, and lets calls under way on it finish: behind a balancer's name
   * another one may reach a member that is well. Not more often than a back-off allows, as all members may be in trouble.
   */
  replace(channel: EtcdChannel): void {
    const now = this.#monotonic();
    if (this.ready !== channel || now < this.#replaceableAt) return;
    if (now - this.#replacedAt > CALM_MS) this.#replacements.reset();
    this.#replacedAt = now;
    this.#replaceableAt = now + this.#replacements.next();
    this.#isReplacing = true;
    this.#lose(channel);
  }

  /** Ends a connection that must not be used any more, and everything on it. */
  refuse(channel: EtcdChannel): void {
    this.markUnhealthy();
    if (this.ready === channel) this.#state = { status: 'idle' };
    channel.destroy();
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
    channel.isDoubtful = this.#isReplacing;
    this.#isReplacing = false;
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
          this.#admit(channel).then(
            () => {
              clock.clearTimeout(timer);
              if (!this.#isConnecting(channel)) return;
              this.#state = { status: 'ready', channel };
              this.markHealthy();
              // Whoever hears of it first must not take it for one that nobody used for long.
              this.noteUse();
              resolve(channel);
              this.#onReady();
            },
            (error: unknown) => {
              attempt.fail(asStoreError(error, this.name));
            },
          );
        } else if (state !== connectivityState.CONNECTING) {
          this.#explain(channel, attempt);
        }
      } else if (state !== connectivityState.READY) {
        this.#lose(channel);
      }
    });
    return attempt;
  }

  async #admit(channel: EtcdChannel): Promise<void> {
    await this.#options.admit?.(this.name, channel);
  }

  /** A channel's state says that connecting failed; only a call is told why. */
  #explain(channel: EtcdChannel, attempt: ConnectAttempt): void {
    channel.unary(STATUS, {}, new Metadata(), (failure) => {
      attempt.fail(toConnectError(failure?.details ?? 'the connection broke at once', this.name));
    });
  }

  #monotonic(): number {
    const { clock } = this.#options;
    return clock.monotonic?.() ?? clock.now();
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

function asStoreError(error: unknown, endpoint: string): StoreError {
  if (isStoreError(error)) return error;
  return new StoreError('unavailable', `${endpoint}: the connection could not be used: ${messageOf(error)}`, {
    cause: error,
    endpoint,
  });
}

function closedError(): StoreError {
  return new StoreError('closed', 'the store is closed');
}
