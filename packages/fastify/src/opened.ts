import type { ConfigStore } from '@holdfast/store';
import { checkStore } from '@holdfast/store/adapter';
import { checkMirror } from './check-options.js';
import type { FastifyTools, HoldfastPluginOptions, PluginMirror } from './options.js';

/** What the plugin has opened, and therefore closes. */
export class Opened {
  readonly mirrors = new Map<string, PluginMirror>();
  readonly #ending = new AbortController();
  #store: ConfigStore | undefined;

  /** Opens the store, if there is a function for it, and then all mirrors at once. Closes everything if one of them fails. */
  async open(options: HoldfastPluginOptions, tools: Omit<FastifyTools, 'signal'>): Promise<ConfigStore> {
    const { store, mirrors = {} } = options;
    const all = { ...tools, signal: this.#ending.signal };
    const used = typeof store === 'function' ? await this.#openStore(() => store(all)) : store;
    const failures: unknown[] = [];
    const opening = Object.entries(mirrors).map(async ([name, open]) => {
      try {
        const mirror: unknown = await open(used, all);
        checkMirror(name, mirror);
        this.mirrors.set(name, mirror);
      } catch (error) {
        failures.push(error);
        this.#ending.abort();
      }
    });
    await Promise.all(opening);
    if (failures.length === 0) return used;
    await this.close();
    throw failures[0];
  }

  async #openStore(open: () => ConfigStore | Promise<ConfigStore>): Promise<ConfigStore> {
    const store: unknown = await open();
    checkStore(store, '@holdfast/fastify', 'from the function of its option store');
    this.#store = store;
    return store;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.mirrors.values()].map((mirror) => mirror.close()));
    await this.#store?.close();
  }
}
