import { type OpenFeatureEventEmitter, ProviderEvents } from '@openfeature/server-sdk';
import { json, type Mirror, mirror } from '@holdfast/core';
import { isStoreError, StoreError } from '@holdfast/store';
import { Announcer } from './announcer.js';
import { type Flag, toFlag } from './flag.js';
import type { HoldfastProviderOptions } from './options.js';

/** From `initialize()` to `onClose()`. */
export class ProviderRun {
  readonly started: Promise<void>;
  readonly #options: HoldfastProviderOptions;
  readonly #events: OpenFeatureEventEmitter;
  readonly #ending = new AbortController();
  /** Whether the SDK has been told that the provider failed to start. */
  #isLate = false;
  #mirror: Mirror<Flag> | undefined;
  #announcer: Announcer | undefined;

  constructor(options: HoldfastProviderOptions, events: OpenFeatureEventEmitter) {
    this.#options = options;
    this.#events = events;
    this.started = this.#start();
  }

  get mirror(): Mirror<Flag> | undefined {
    return this.#mirror;
  }

  async end(): Promise<void> {
    // The end of the mirror is no failure of the provider: nobody is told.
    this.#announcer?.end();
    this.#ending.abort();
    if (this.#options.mirror === undefined) await this.#mirror?.close();
  }

  async #start(): Promise<void> {
    try {
      this.#show(await this.#open());
    } catch (error) {
      this.#isLate = true;
      if (isStoreError(error, 'timeout')) void this.#keepTrying();
      throw error;
    }
  }

  async #open(): Promise<Mirror<Flag>> {
    const options = this.#options;
    if (options.mirror === undefined) {
      const { store, mirror: _, ...own } = options;
      return mirror(store, { ...own, codec: json(), transform: toFlag, signal: this.#ending.signal });
    }
    const given = options.mirror;
    if (given.state.status === 'closed') throw new StoreError('closed', 'the mirror of the flags is closed');
    return given;
  }

  async #keepTrying(): Promise<void> {
    while (this.#mirror === undefined && !this.#ending.signal.aborted) {
      try {
        this.#show(await this.#open());
      } catch (error) {
        if (!isStoreError(error, 'timeout')) return;
      }
    }
  }

  #show(mirror: Mirror<Flag>): void {
    // Closed while it was being opened: its signal has ended the mirror.
    if (this.#ending.signal.aborted) return;
    this.#mirror = mirror;
    const announcer = new Announcer(this.#events, mirror);
    this.#announcer = announcer;
    if (this.#isLate) this.#events.emit(ProviderEvents.Ready);
    // The SDK says that the provider is ready when `initialize()` has resolved. Only after that it can be told that the flags are stale.
    setImmediate(() => {
      if (!this.#ending.signal.aborted) announcer.announce();
    });
  }
}
