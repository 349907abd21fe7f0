import { connectivityState, Metadata } from '@grpc/grpc-js';
import { isStoreError, StoreError, type Clock } from '@holdfast/store';
import { Backoff, messageOf, monotonicMs, PatientTimer } from '@holdfast/store/adapter';
import { EndpointHealth, type EndpointAddress } from '@holdfast/etcd-common';
import { toConnectError } from '../errors.js';
import { deferred } from './deferred.js';
import { EtcdChannel, type ChannelOptionSource } from './etcd-channel.js';
import { STATUS } from './rpc.js';

export interface EndpointOptions extends ChannelOptionSource {
  readonly connectMs: number;
  readonly retry: { readonly initialMs: number; readonly maxMs: number };
  readonly clock: Clock;
  readonly random: () => number;
  /** Checks a new connection before anyone may use it. If it throws, the connection is closed. */
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

/** The least time between two replacements of a connection, at first and at most, in milliseconds. It doubles each time. */
const REPLACE_MS = { initialMs: 250, maxMs: 10_000 };
/** After this long without a replacement, in milliseconds, the delay starts at its first value again. */
const CALM_MS = 30_000;

/** One member of the cluster as this store reaches it: its connection, and its recent health. */
export class Endpoint {
  readonly name: string;
  readonly health: EndpointHealth;
  readonly #address: EndpointAddress;
  readonly #options: EndpointOptions;
  readonly #onReady: () => void;
  readonly #replacements: Backoff;
  /** Channels whose last calls or sockets are still ending. */
  readonly #leaving = new Set<EtcdChannel>();
  #state: State = { status: 'idle' };
  #usedAt = 0;
  #replacedAt = -Infinity;
  #replaceableAt = -Infinity;
  /** The next connection replaces one that was given up. */
  #isReplacing = false;

  /** @param onReady called with each new connection */
  constructor(address: EndpointAddress, options: EndpointOptions, onReady: () => void = () => undefined) {
    this.name = address.name;
    this.#address = address;
    this.#options = options;
    this.#onReady = onReady;
    this.health = new EndpointHealth(options.clock, options.random);
    this.#replacements = new Backoff({ ...REPLACE_MS, random: options.random });
  }

  get address(): EndpointAddress {
    return this.#address;
  }

  /** Its address as gRPC knows it. Two endpoints with the same target are the same. */
  get target(): string {
    return this.#address.target;
  }

  /** The open connection, if there is one. */
  get ready(): EtcdChannel | undefined {
    return this.#state.status === 'ready' ? this.#state.channel : undefined;
  }

  /** Notes that a call uses it. */
  noteUse(): void {
    this.#usedAt = this.#options.clock.now();
  }

  /**
   * Closes an open connection that had no call for longer than a ping's interval. Idle connections get no pings, so it may have been dead
   * for long, and its next call would notice that only after another interval.
   */
  letGoIfUnused(): void {
    const { clock, keepalive } = this.#options;
    if (this.#state.status !== 'ready' || keepalive === undefined) return;
    if (Math.abs(clock.now() - this.#usedAt) > keepalive.intervalMs) this.#lose(this.#state.channel);
  }

  /**
   * The open connection, or a new one. Callers share one attempt, and no caller's abort ends it.
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
   * Gives up a connection whose member is in trouble, and lets its running calls finish: behind a load balancer's name, a new connection
   * may reach a healthy member. It happens no more often than a back-off allows, because all members may be in trouble.
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
    this.health.failed();
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
        timer.stop();
        // This also ends a handshake that hangs: the next attempt must not wait for it.
        channel.destroy();
        if (this.#isConnecting(channel)) {
          this.#state = { status: 'idle' };
          this.health.failed();
        }
        reject(error);
      },
    };
    const timer = new PatientTimer(clock, connectMs, () => {
      attempt.fail(
        new StoreError('unavailable', `${this.name}: no connection within ${connectMs} ms (timeouts.connectMs)`, {
          endpoint: this.name,
        }),
      );
    });
    // Waiting callers get the failure. It must not count as unhandled if no caller waits any more.
    outcome.catch(() => undefined);
    channel.connect((state) => {
      if (this.#isConnecting(channel)) {
        if (state === connectivityState.READY) {
          this.#admit(channel).then(
            () => {
              timer.stop();
              if (!this.#isConnecting(channel)) return;
              this.#state = { status: 'ready', channel };
              this.health.answered();
              // Its first user must not take it for a connection that was idle for long.
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

  /** A channel's state shows that connecting failed. Only a call gets the reason. */
  #explain(channel: EtcdChannel, attempt: ConnectAttempt): void {
    channel.unary(STATUS, {}, new Metadata(), (failure) => {
      attempt.fail(toConnectError(failure?.details ?? 'the connection broke at once', this.name));
    });
  }

  #monotonic(): number {
    const { clock } = this.#options;
    return monotonicMs(clock);
  }

  #isConnecting(channel: EtcdChannel): boolean {
    return this.#state.status === 'connecting' && this.#state.attempt.channel === channel;
  }

  /** The connection broke, or the server is about to end it. Its running calls may still finish. */
  #lose(channel: EtcdChannel): void {
    if (this.#state.status !== 'ready' || this.#state.channel !== channel) return;
    this.#state = { status: 'idle' };
    channel.close();
    for (const left of this.#leaving) if (!left.lingers) this.#leaving.delete(left);
    this.#leaving.add(channel);
  }
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
