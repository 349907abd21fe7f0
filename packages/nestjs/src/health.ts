import type { HealthOptions, MirrorHealth } from '@holdfast/core';
import type { ModuleMirror } from './options.js';

/** All mirrors, as one answer. */
export interface HoldfastHealthReport {
  readonly ready: boolean;
  readonly mirrors: Readonly<Record<string, MirrorHealth>>;
}

/** A provider for readiness probes: whether all mirrors are ready. */
export class HoldfastHealth {
  readonly #mirrors: ReadonlyMap<string, ModuleMirror>;

  /** @internal */
  constructor(mirrors: ReadonlyMap<string, ModuleMirror>) {
    this.#mirrors = mirrors;
  }

  /**
   * A mirror stays ready without its store; give `maxStaleMs` to end that.
   *
   * @throws StoreError `invalid-argument`
   */
  report(options?: HealthOptions): HoldfastHealthReport {
    const all = [...this.#mirrors].map(([name, mirror]) => [name, mirror.health(options)] as const);
    return { ready: all.every(([, { ready }]) => ready), mirrors: Object.fromEntries(all) };
  }
}
