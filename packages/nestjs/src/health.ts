import type { HealthOptions, MirrorHealth } from '@holdfast/core';
import type { Registry } from './registry.js';

/** All mirrors of the application, as one answer. */
export interface HoldfastHealthReport {
  readonly ready: boolean;
  /** By name. Mirrors of a module with a name have that before theirs: `orders/routes`. */
  readonly mirrors: Readonly<Record<string, MirrorHealth>>;
}

/** A provider for readiness probes: whether all mirrors of the application are ready, those of every module. */
export class HoldfastHealth {
  readonly #registry: Pick<Registry, 'mirrors'>;

  /** @internal */
  constructor(registry: Pick<Registry, 'mirrors'>) {
    this.#registry = registry;
  }

  /**
   * A mirror stays ready without its store; give `maxStaleMs` to end that.
   *
   * @throws StoreError `invalid-argument`
   */
  report(options?: HealthOptions): HoldfastHealthReport {
    const all = [...this.#registry.mirrors()].map(([name, mirror]) => [name, mirror.health(options)] as const);
    return { ready: all.every(([, { ready }]) => ready), mirrors: Object.fromEntries(all) };
  }
}
