import {
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  type ResolutionDetails,
} from '@openfeature/server-sdk';
import { isStoreError, StoreError } from '@holdfast/store';
import { checkNames, checkStore } from '@holdfast/store/adapter';
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
    checkOptions(options);
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

/** The rest is checked by `mirror()`, when the provider starts. */
function checkOptions(options: HoldfastProviderOptions | undefined): void {
  const { store, prefix, mirror } = options ?? {};
  const hasStore = store !== undefined && typeof prefix === 'string';
  if (hasStore === (mirror !== undefined))
    throw invalid('give the provider a store and a prefix, or a mirror of flags');
  if (hasStore) {
    checkStore(store, 'HoldfastProvider', 'as its option store');
    return;
  }
  checkNames(options, ['mirror'], 'the provider of a mirror');
  const methods = ['get', 'on', 'health'] as const;
  if (typeof mirror !== 'object' || !methods.every((name) => typeof mirror[name] === 'function')) {
    throw invalid(
      'the option mirror must be a mirror of flags: await mirror(store, { prefix, codec: json(), transform: toFlag })',
    );
  }
}

function invalid(message: string): StoreError {
  return new StoreError('invalid-argument', message);
}
