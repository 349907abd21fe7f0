import type { OnApplicationShutdown } from '@nestjs/common';
import { type ConfigStore, StoreError } from '@holdfast/store';
import { checkStore } from '@holdfast/store/adapter';
import { checkMirror } from './check-options.js';
import { nestLogger } from './nest-logger.js';
import type { HoldfastStoreOptions, ModuleMirror, NestTools, OpenMirror } from './options.js';

/** What a module has opened, and therefore closes. What opens after the end has begun is closed at once. */
export class Lifetime implements OnApplicationShutdown {
  readonly mirrors = new Map<string, ModuleMirror>();
  readonly #ending = new AbortController();
  readonly #tools: NestTools = { logger: nestLogger(), signal: this.#ending.signal };
  #store: ConfigStore | undefined;

  async openStore({ store }: HoldfastStoreOptions): Promise<ConfigStore> {
    if (typeof store !== 'function') return store;
    const opened: unknown = await store(this.#tools);
    checkStore(opened, 'HoldfastModule', 'from the function of its option store');
    this.#store = opened;
    if (!this.#ending.signal.aborted) return opened;
    await opened.close();
    throw new StoreError('aborted', 'the application ended while HoldfastModule opened its store');
  }

  /** Closes everything if it fails: an application that could not start is never shut down. */
  async openMirror(name: string, open: OpenMirror, store: ConfigStore): Promise<ModuleMirror> {
    try {
      const mirror: unknown = await open(store, this.#tools);
      checkMirror(name, mirror);
      this.mirrors.set(name, mirror);
      // Another mirror has failed meanwhile.
      if (this.#ending.signal.aborted) await mirror.close();
      return mirror;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Nest calls it after the last request. */
  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.mirrors.values()].map((mirror) => mirror.close()));
    await this.#store?.close();
  }
}
