import { type ConfigStore, StoreError } from '@holdfast/store';
import { quoted, sleep } from '@holdfast/store/adapter';
import type { Settings } from './options.js';
import type { Replicator } from './replicator.js';
import { type Verification, verify } from './verify.js';

/** A replicator in a migration: what is done with it before applications go over from its source to its target. */
export class Move {
  readonly #replicator: Replicator;
  readonly #settings: Settings;

  constructor(replicator: Replicator, settings: Settings) {
    this.#replicator = replicator;
    this.#settings = settings;
  }

  /** Resolves when everything that the source had at the call is in the target. */
  async sync(): Promise<void> {
    const { signal, syncTimeoutMs } = this.#settings;
    await this.#replicator.sync(signal ?? new AbortController().signal, syncTimeoutMs);
  }

  /** Follows for as long as a request can live that was on its way before the fence. Gives the keys that were written meanwhile. */
  async drain(store: ConfigStore, ms: number): Promise<readonly string[]> {
    const { clock, signal, logger } = this.#settings;
    const { ended } = this.#replicator;
    await this.sync();
    const late = new Set<string>();
    const stop = this.#replicator.onStep((keys) => {
      for (const key of keys) late.add(key);
    });
    try {
      await sleep(clock, ms, signal === undefined ? ended : AbortSignal.any([signal, ended]));
      await this.sync();
    } finally {
      stop();
    }
    if (late.size > 0) {
      logger.warn(
        `${late.size} keys of the ${store.name} store were written although it is fenced; they were carried over`,
        { keys: [...late].slice(0, 10) },
      );
    }
    return [...late];
  }

  /** What ends in the source meanwhile ends in the target too, and what comes late has its time to live. */
  async settle(): Promise<void> {
    await this.#replicator.settle();
    await this.sync();
    await this.#replicator.settle();
  }

  /** @throws StoreError `conflict` if source and target are not equal */
  async requireEqual(): Promise<Verification> {
    const found = await this.verify();
    const [first] = found.differences;
    if (first === undefined) return found;
    throw new StoreError(
      'conflict',
      `source and target are not equal: ${found.differences.length} of ${found.keys} keys differ, ` +
        `such as ${quoted(first.key)} (${first.reason}); see verify() for all of them`,
      { outcome: 'not-applied' },
    );
  }

  verify(): Promise<Verification> {
    const replicator = this.#replicator;
    return verify({
      ...replicator.sides,
      targetOf: (key) => replicator.targetOf(key),
      sourceOf: (targetKey) => replicator.sourceOf(targetKey),
      isOwn: (key) => replicator.isOwn(key),
      isConflict: (key) => replicator.conflicts.some(({ targetKey }) => targetKey === key),
      sync: () => this.sync(),
      signal: this.#settings.signal,
    });
  }
}
