import { json, mirror, type Mirror } from '@holdfast/core';
import { type Clock, type ConfigStore, isStoreError, type Logger } from '@holdfast/store';
import { createStore } from '@holdfast/store/adapter';
import type { ClockView, SimClock } from '@holdfast/simulation';
import type { ModelServer } from '../server/model-server.js';
import type { Tariff } from '../server/tariff.js';
import type { ClientCpu } from './client-cpu.js';
import { Connection } from './connection.js';
import { FleetDriver } from './fleet-driver.js';
import { FleetWatch } from './fleet-watch.js';

/** A whole fleet may start at once, in milliseconds. */
const START_TIMEOUT_MS = 600_000;
/** The least number of keys whose values a resync spares by default. */
const FULL_RESYNC_KEYS = 1_000;

export interface ClientOptions {
  readonly clock: SimClock;
  readonly view: ClockView;
  readonly server: ModelServer;
  readonly tariff: Tariff;
  readonly cpu: ClientCpu;
  readonly latencyMs: number;
  readonly random: () => number;
}

/** A process of the fleet: a real lazy mirror, with a store of its own. */
export class Client {
  readonly #options: ClientOptions;
  readonly #connection: Connection;
  readonly #store: ConfigStore;
  readonly #closing = new AbortController();
  #mirror: Mirror<unknown> | undefined;
  /** Reads that the mirror gave up as too late. */
  timeouts = 0;
  /** Loads again, of whatever kind. */
  resyncs = 0;
  /** Why it could not start. */
  failure: unknown;

  constructor(options: ClientOptions) {
    this.#options = options;
    const { clock, server, tariff, cpu, latencyMs, random } = options;
    const view: Clock = options.view;
    this.#connection = new Connection({
      clock,
      view,
      server,
      cpu,
      latencyMs,
      random,
      callMs: tariff.client.call,
      connectMs: tariff.client.connect,
    });
    const driver: FleetDriver = new FleetDriver({
      server,
      tariff,
      connection: this.#connection,
      watch: (watchOptions, sink) =>
        new FleetWatch(watchOptions, sink, {
          clock,
          view,
          server,
          tariff,
          connection: this.#connection,
          cpu,
          random,
          head: (signal) => driver.head(signal),
          onClosed: () => undefined,
        }),
    });
    this.#store = createStore(driver, { clock: view });
  }

  /** Starts the mirror. It is there when it has loaded. */
  open(): void {
    const { view, random, tariff, server } = this.#options;
    const logger: Logger = {
      // Every failure that the mirror rides out is logged here.
      debug: (_message, details) => {
        if (isStoreError(details?.['error'], 'timeout')) this.timeouts += 1;
      },
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    };
    mirror(this.#store, {
      prefix: server.history.prefix,
      codec: json(),
      decode: 'lazy',
      clock: view,
      random,
      logger,
      signal: this.#closing.signal,
      startTimeoutMs: START_TIMEOUT_MS,
      fullResyncKeys: Math.max(1, Math.round(FULL_RESYNC_KEYS / tariff.scale)),
    }).then(
      (opened) => {
        this.#mirror = opened;
        opened.on('resync', () => {
          this.resyncs += 1;
        });
      },
      (error: unknown) => {
        this.failure = error;
      },
    );
  }

  /** Connections that were lost because the server did not answer a ping in time. */
  get lostPings(): number {
    return this.#connection.lostPings;
  }

  /** Whether it has all up to this revision, and says that it is live. */
  isAt(revision: number): boolean {
    if (this.#mirror === undefined || this.#mirror.revision < revision) return false;
    // Older checkouts tell nothing of the connection.
    const { status, connection } = this.#mirror.state as { readonly status: string; readonly connection?: string };
    return status === 'live' && connection !== 'interrupted';
  }

  /** What it holds. */
  content(): readonly (readonly [key: string, value: unknown])[] {
    return this.#mirror === undefined ? [] : [...this.#mirror].map(([key, { value }]) => [key, value] as const);
  }

  async close(): Promise<void> {
    // A mirror that has not loaded yet ends by its signal.
    this.#closing.abort();
    await this.#mirror?.close();
    await this.#store.close();
  }
}
