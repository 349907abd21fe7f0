import type { OnApplicationBootstrap } from '@nestjs/common';
import { StoreError } from '@holdfast/store';
import { quoted } from '@holdfast/store/adapter';
import type { Lifetime } from './lifetime.js';
import type { ModuleMirror } from './options.js';

/** The modules of one application by name. Each application has its own. */
export class Registry implements OnApplicationBootstrap {
  readonly #lifetimes = new Map<string | undefined, Lifetime>();
  #hasStarted = false;
  /** Why the application does not start: what fails later is only aborted. */
  #failure: { readonly error: unknown } | undefined;

  onApplicationBootstrap(): void {
    this.#hasStarted = true;
  }

  /**
   * @throws StoreError `invalid-argument` if the application has another module of this name: they would have the same tokens
   */
  async add(name: string | undefined, lifetime: Lifetime): Promise<void> {
    if (this.#lifetimes.has(name)) await this.#fail(lifetime, new StoreError('invalid-argument', twice(name)));
    this.#lifetimes.set(name, lifetime);
    if (this.#failure !== undefined) await lifetime.close();
  }

  /**
   * Closes all modules if the opening fails: an application that could not start is never shut down. Once it has started, a module that is
   * loaded lazily closes alone.
   */
  async guard<T>(lifetime: Lifetime, opening: Promise<T>): Promise<T> {
    try {
      return await opening;
    } catch (error) {
      return this.#fail(lifetime, error);
    }
  }

  async #fail(lifetime: Lifetime, error: unknown): Promise<never> {
    if (this.#hasStarted) {
      await lifetime.close();
      throw error;
    }
    this.#failure ??= { error };
    await Promise.allSettled([...this.#lifetimes.values()].map((each) => each.close()));
    throw this.#failure.error;
  }

  /** All mirrors that have opened. Those of a module with a name are `name/mirror`. */
  *mirrors(): IterableIterator<readonly [name: string, mirror: ModuleMirror]> {
    for (const [module, { mirrors }] of this.#lifetimes) {
      for (const [name, mirror] of mirrors) yield [module === undefined ? name : `${module}/${name}`, mirror];
    }
  }
}

function twice(name: string | undefined): string {
  const those = name === undefined ? 'without a name' : `of the name ${quoted(name)}`;
  return (
    `the application has two HoldfastModules ${those}. Give each store's module a name of its own: forRoot({ name: 'orders', … }), ` +
    `InjectStore('orders'), InjectMirror('routes', 'orders'). For one store, call forRoot() once, and import what it returns`
  );
}
