import type { DynamicModule, FactoryProvider } from '@nestjs/common';
import { type ConfigStore, StoreError } from '@holdfast/store';
import { checkProviders, checkStoreOption } from './check-options.js';
import { HoldfastCoreModule } from './core-module.js';
import { Lifetime } from './lifetime.js';
import type {
  HoldfastModuleAsyncOptions,
  HoldfastModuleOptions,
  HoldfastProvidersOptions,
  HoldfastStoreOptions,
} from './options.js';
import { Registry } from './registry.js';
import { mirrorToken, storeToken } from './tokens.js';

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
    return moduleOf(rest, { provide: OPTIONS, inject, useFactory }, imports);
  }
}

function moduleOf(
  { name: module, mirrors = {}, isGlobal = false }: HoldfastProvidersOptions,
  options: FactoryProvider,
  imports: NonNullable<DynamicModule['imports']> = [],
): DynamicModule {
  const store: FactoryProvider = {
    provide: storeToken(module),
    inject: [Registry, Lifetime, OPTIONS],
    useFactory: (registry: Registry, lifetime: Lifetime, given: HoldfastStoreOptions) =>
      registry.guard(lifetime, lifetime.openStore(given)),
  };
  const mirrorProviders = Object.entries(mirrors).map(([name, open]): FactoryProvider => ({
    provide: mirrorToken(name, module),
    inject: [Registry, Lifetime, storeToken(module)],
    useFactory: (registry: Registry, lifetime: Lifetime, used: ConfigStore) =>
      registry.guard(lifetime, lifetime.openMirror(name, open, used)),
  }));
  const lifetime: FactoryProvider = {
    provide: Lifetime,
    inject: [Registry],
    useFactory: async (registry: Registry) => {
      const opened = new Lifetime();
      await registry.add(module, opened);
      return opened;
    },
  };
  return {
    module: HoldfastModule,
    global: isGlobal,
    imports: [HoldfastCoreModule, ...imports],
    providers: [options, lifetime, store, ...mirrorProviders],
    exports: [HoldfastCoreModule, storeToken(module), ...Object.keys(mirrors).map((name) => mirrorToken(name, module))],
  };
}
