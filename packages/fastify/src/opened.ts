import { type ConfigStore, StoreError } from '@holdfast/store';
import { checkStore } from '@holdfast/store/adapter';
import { checkMirror } from './check-options.js';
import type { FastifyTools, HoldfastPluginOptions, OpenMirror, PluginMirror } from './options.js';

/** What the plugin has opened, and therefore closes. What opens after the end has begun is closed at once. */
export class Opened {
  readonly mirrors = new Map<string, PluginMirror>();
  readonly #ending = new AbortController();
  readonly #opening: Promise<unknown>[] = [];
  #store: ConfigStore | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Opens the store, if there is a function for it, and then all mirrors at once. Rejects with the first failure, without waiting for
   * the rest: that closes in the background.
   */
  async open(
    { store, mirrors = {} }: HoldfastPluginOptions,
    tools: Omit<FastifyTools, 'signal'>,
  ): Promise<ConfigStore> {
    const all: FastifyTools = { ...tools, signal: this.#ending.signal };
    try {
      const used = typeof store === 'function' ? await this.#track(this.#openStore(store, all)) : store;
      const opening = Object.entries(mirrors).map(([name, open]) =>
        this.#track(this.#openMirror(name, open, used, all)),
      );
      await Promise.all(opening);
      this.#checkEnding();
      return used;
    } catch (error) {
      // The application is told of the first failure only.
      this.close().catch(() => undefined);
      throw error;
    }
  }

  /** Resolves when everything is closed, also what was still opening. Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.mirrors.values()].map((mirror) => mirror.close()));
    // Before the mirrors that still open: without the store they end soon, even those that ignore the signal.
    await this.#store?.close();
    await Promise.allSettled(this.#opening);
  }

  async #openStore(open: (tools: FastifyTools) => unknown, tools: FastifyTools): Promise<ConfigStore> {
    const store: unknown = await open(tools);
    checkStore(store, '@holdfast/fastify', 'from the function of its option store');
    this.#store = store;
    if (this.#ending.signal.aborted) await store.close();
    this.#checkEnding();
    return store;
  }

  async #openMirror(name: string, open: OpenMirror, store: ConfigStore, tools: FastifyTools): Promise<void> {
    const mirror: unknown = await open(store, tools);
    checkMirror(name, mirror);
    this.mirrors.set(name, mirror);
    if (this.#ending.signal.aborted) await mirror.close();
  }

  #track<T>(opening: Promise<T>): Promise<T> {
    this.#opening.push(opening);
    return opening;
  }

  #checkEnding(): void {
    if (!this.#ending.signal.aborted) return;
    throw new StoreError('aborted', 'the application closed while @holdfast/fastify opened its store and mirrors');
  }
}
