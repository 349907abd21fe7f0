import type { DynamicModule, FactoryProvider } from '@nestjs/common';
import { type ConfigStore, StoreError } from '@holdfast/store';
import { checkProviders, checkStoreOption } from './check-options.js';
import { HoldfastHealth } from './health.js';
import { Lifetime } from './lifetime.js';
import type {
  HoldfastModuleAsyncOptions,
  HoldfastModuleOptions,
  HoldfastProvidersOptions,
  HoldfastStoreOptions,
} from './options.js';
import { HOLDFAST_STORE, mirrorToken } from './tokens.js';

const OPTIONS = Symbol('@holdfast/nestjs:options');

/** Provides a store and its mirrors, which have loaded when the application has initialized, and close when it shuts down. */
export class HoldfastModule {
  /** @throws StoreError `invalid-argument` without a store */
  static forRoot(options: HoldfastModuleOptions): DynamicModule {
    checkProviders(options, 'HoldfastModule.forRoot()', ['store']);
    checkStoreOption(options);
    const { store, ...providers } = options;
    return moduleOf(providers, { provide: OPTIONS, useFactory: () => ({ store }) });
  }

  /** For a store that depends on other providers, such as those of `@nestjs/config`. */
  static forRootAsync(options: HoldfastModuleAsyncOptions): DynamicModule {
    checkProviders(options, 'HoldfastModule.forRootAsync()', ['imports', 'inject', 'useFactory']);
    const { imports = [], inject = [], useFactory, ...rest } = options;
    if (typeof useFactory !== 'function') {
      throw new StoreError('invalid-argument', 'give HoldfastModule.forRootAsync() a useFactory that gives { store }');
    }
    return { ...moduleOf(rest, { provide: OPTIONS, inject, useFactory }), imports };
  }
}

function moduleOf(
  { mirrors = {}, isGlobal = false }: HoldfastProvidersOptions,
  options: FactoryProvider,
): DynamicModule {
  const store: FactoryProvider = {
    provide: HOLDFAST_STORE,
    inject: [Lifetime, OPTIONS],
    useFactory: (lifetime: Lifetime, given: HoldfastStoreOptions) => {
      checkStoreOption(given);
      return lifetime.openStore(given);
    },
  };
  const opened = Object.entries(mirrors).map(([name, open]): FactoryProvider => ({
    provide: mirrorToken(name),
    inject: [Lifetime, HOLDFAST_STORE],
    useFactory: (lifetime: Lifetime, used: ConfigStore) => lifetime.openMirror(name, open, used),
  }));
  const health: FactoryProvider = {
    provide: HoldfastHealth,
    inject: [Lifetime],
    useFactory: ({ mirrors: all }: Lifetime) => new HoldfastHealth(all),
  };
  const lifetime: FactoryProvider = { provide: Lifetime, useFactory: () => new Lifetime() };
  return {
    module: HoldfastModule,
    global: isGlobal,
    providers: [options, lifetime, store, ...opened, health],
    exports: [HOLDFAST_STORE, HoldfastHealth, ...Object.keys(mirrors).map(mirrorToken)],
  };
}
