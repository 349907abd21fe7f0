import {
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  type ResolutionDetails,
} from '@openfeature/server-sdk';
import { isStoreError, StoreError } from '@holdfast/store';
import type { HoldfastProviderOptions } from './options.js';
import { ProviderRun } from './provider-run.js';
import { resolve } from './resolve.js';

/**
 * Flags from a mirror, as a provider for the SDK of a server. An evaluation reads memory only, and goes on with the last good flags
 * while the store is away.
 */
export class HoldfastProvider implements Provider {
  readonly metadata = { name: 'holdfast' } as const;
  readonly runsOn = 'server';
  readonly events = new OpenFeatureEventEmitter();
  readonly #options: HoldfastProviderOptions;
  #run: ProviderRun | undefined;

  /** @throws StoreError `invalid-argument` if there is neither a store with a prefix nor a mirror */
  constructor(options: HoldfastProviderOptions) {
    const hasStore = options.store !== undefined && typeof options.prefix === 'string';
    if (hasStore === (options.mirror !== undefined)) {
      throw new StoreError('invalid-argument', 'give the provider a store and a prefix, or a mirror of flags');
    }
    this.#options = options;
  }

  /**
   * Resolves when the flags are loaded, from the store or from the snapshot. Rejects after `startTimeoutMs`; the provider then keeps on
   * trying, and tells that it is ready as soon as the store answers.
   *
   * @throws StoreError as `mirror()` does; `closed` if the given mirror is
   */
  async initialize(): Promise<void> {
    const run = (this.#run ??= new ProviderRun(this.#options, this.events));
    try {
      await run.started;
    } catch (error) {
      if (this.#run === run && !isStoreError(error, 'timeout')) this.#run = undefined;
      throw error;
    }
  }

  /** Closes the mirror that the provider has opened, and never the store. Idempotent. */
  async onClose(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    await run?.end();
  }

  resolveBooleanEvaluation(name: string, defaultValue: boolean): Promise<ResolutionDetails<boolean>> {
    return Promise.resolve(resolve(this.#run?.mirror, name, 'boolean', defaultValue));
  }

  resolveStringEvaluation(name: string, defaultValue: string): Promise<ResolutionDetails<string>> {
    return Promise.resolve(resolve(this.#run?.mirror, name, 'string', defaultValue));
  }

  resolveNumberEvaluation(name: string, defaultValue: number): Promise<ResolutionDetails<number>> {
    return Promise.resolve(resolve(this.#run?.mirror, name, 'number', defaultValue));
  }

  resolveObjectEvaluation<T extends JsonValue>(name: string, defaultValue: T): Promise<ResolutionDetails<T>> {
    return Promise.resolve(resolve(this.#run?.mirror, name, 'object', defaultValue));
  }
}
