import { StoreError } from '@holdfast/store';
import { quoted } from '@holdfast/store/adapter';
import type { Lifetime } from './lifetime.js';
import type { ModuleMirror } from './options.js';

/** The modules of one application by name. Each application has its own. */
export class Registry {
  readonly #lifetimes = new Map<string | undefined, Lifetime>();

  /**
   * @throws StoreError `invalid-argument` if the application has another module of this name: they would have the same tokens. All modules
   * close then, as the application does not start.
   */
  add(name: string | undefined, lifetime: Lifetime): void {
    if (!this.#lifetimes.has(name)) {
      this.#lifetimes.set(name, lifetime);
      return;
    }
    for (const each of this.#lifetimes.values()) each.close().catch(() => undefined);
    throw new StoreError('invalid-argument', twice(name));
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
