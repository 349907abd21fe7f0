import type { OnApplicationShutdown } from '@nestjs/common';
import { type ConfigStore, StoreError } from '@holdfast/store';
import { checkStore } from '@holdfast/store/adapter';
import { checkMirror, checkStoreOption } from './check-options.js';
import { nestLogger } from './nest-logger.js';
import type { HoldfastStoreOptions, ModuleMirror, NestTools, OpenMirror } from './options.js';

/** What a module has opened, and therefore closes. When opening fails, the registry closes the modules, also what opened too late. */
export class Lifetime implements OnApplicationShutdown {
  readonly mirrors = new Map<string, ModuleMirror>();
  readonly #ending = new AbortController();
  readonly #tools: NestTools = { logger: nestLogger(), signal: this.#ending.signal };
  #store: ConfigStore | undefined;

  async openStore(options: HoldfastStoreOptions): Promise<ConfigStore> {
    checkStoreOption(options);
    const { store } = options;
    if (typeof store !== 'function') return store;
    const opened: unknown = await store(this.#tools);
    checkStore(opened, 'HoldfastModule', 'from the function of its option store');
    this.#store = opened;
    this.#checkEnding();
    return opened;
  }

  async openMirror(name: string, open: OpenMirror, store: ConfigStore): Promise<ModuleMirror> {
    const mirror: unknown = await open(store, this.#tools);
    checkMirror(name, mirror);
    this.mirrors.set(name, mirror);
    this.#checkEnding();
    return mirror;
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

  #checkEnding(): void {
    if (!this.#ending.signal.aborted) return;
    throw new StoreError('aborted', 'the application ended while HoldfastModule opened its store and mirrors');
  }
}
