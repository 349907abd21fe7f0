import type { HealthOptions, MirrorHealth } from '@holdfast/core';
import type { ConfigStore } from '@holdfast/store';
import type { PluginMirror } from './options.js';

/** The mirrors of the application, by name. Declare yours: `declare module '@holdfast/fastify' { interface HoldfastMirrors { … } }`. */
// oxlint-disable-next-line typescript/no-empty-object-type -- Applications declare its members.
export interface HoldfastMirrors {}

/** All mirrors, as one answer. */
export interface HoldfastHealth {
  readonly ready: boolean;
  readonly mirrors: Readonly<Record<string, MirrorHealth>>;
}

/** The decoration `holdfast` of an application. */
export interface Holdfast<Mirrors = HoldfastMirrors> {
  readonly store: ConfigStore;
  readonly mirrors: Mirrors;
  /** @throws StoreError `invalid-argument` */
  health(options?: HealthOptions): HoldfastHealth;
}

export function holdfastOf(store: ConfigStore, mirrors: ReadonlyMap<string, PluginMirror>): Holdfast {
  return {
    store,
    mirrors: Object.fromEntries(mirrors),
    health(options) {
      const all = [...mirrors].map(([name, mirror]) => [name, mirror.health(options)] as const);
      return { ready: all.every(([, { ready }]) => ready), mirrors: Object.fromEntries(all) };
    },
  };
}
