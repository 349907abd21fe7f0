import type { HealthOptions, MirrorHealth } from '@holdfast/core';
import type { ConfigStore, Logger } from '@holdfast/store';
import type { DynamicModule, FactoryProvider } from '@nestjs/common';

/** Options that come from the application: spread them into those of `mirror()`. Stores take the `logger`. */
export interface NestTools {
  /** The application's logger, with the context `Holdfast`. */
  readonly logger: Logger;
  /** Aborts when the application shuts down. */
  readonly signal: AbortSignal;
}

/** As much of a mirror as the module needs: every mirror of `@holdfast/core` fits. */
export interface ModuleMirror {
  health(options?: HealthOptions): MirrorHealth;
  close(): Promise<void>;
}

export type OpenMirror = (store: ConfigStore, tools: NestTools) => ModuleMirror | Promise<ModuleMirror>;

/** The part of the options that may depend on other providers. */
export interface HoldfastStoreOptions {
  /** A store, which stays the caller's, or a function that opens one, which the module closes at shutdown. */
  readonly store: ConfigStore | ((tools: NestTools) => ConfigStore | Promise<ConfigStore>);
}

/** The part of the options that decides which providers there are. */
export interface HoldfastProvidersOptions {
  /**
   * Tells several modules of one application apart, each with a store of its own: `InjectStore(name)`, `InjectMirror(mirror, name)`. Default: none,
   * which one module may have.
   */
  readonly name?: string | undefined;
  /** Opens the mirrors by name, before the application has initialized. The module closes them at shutdown. */
  readonly mirrors?: Readonly<Record<string, OpenMirror>> | undefined;
  /** Whether every module can inject them without importing this one. Default: false. */
  readonly isGlobal?: boolean | undefined;
}

export interface HoldfastModuleOptions extends HoldfastStoreOptions, HoldfastProvidersOptions {}

export interface HoldfastModuleAsyncOptions extends HoldfastProvidersOptions {
  readonly imports?: DynamicModule['imports'];
  /** The tokens of what `useFactory` takes. */
  readonly inject?: FactoryProvider['inject'];
  // oxlint-disable-next-line typescript/no-explicit-any -- The tokens in `inject` decide which arguments there are.
  readonly useFactory: (...args: any[]) => HoldfastStoreOptions | Promise<HoldfastStoreOptions>;
}
