import { StoreError } from '@holdfast/store';
import { invalidArgument, messageOf, quoted, textOf } from '@holdfast/store/adapter';

/** Which key of the target a key of the source has. All keys are relative to their prefixes. */
export class KeyMap {
  readonly #map: (key: string) => string | undefined;
  readonly #prefix: string;
  readonly #targetPrefix: string;
  /** The source's key of each target's key, while the source has it. */
  readonly #sources = new Map<string, string>();

  constructor(map: (key: string) => string | undefined, prefix: string, targetPrefix: string) {
    this.#map = map;
    this.#prefix = prefix;
    this.#targetPrefix = targetPrefix;
  }

  /**
   * The target's key, in full; `undefined` for a key that is left out.
   *
   * @throws StoreError `invalid-argument` where `mapKey` throws, or returns no string
   */
  target(key: string): string | undefined {
    let mapped: unknown;
    try {
      mapped = this.#map(key);
    } catch (error) {
      throw new StoreError('invalid-argument', `mapKey failed for ${quoted(key)}: ${messageOf(error)}`, {
        cause: error,
      });
    }
    if (mapped === undefined) return undefined;
    if (typeof mapped !== 'string') {
      throw invalidArgument(`mapKey must return a string or undefined, not ${textOf(mapped)} for ${quoted(key)}`);
    }
    return this.#targetPrefix + mapped;
  }

  source(key: string): string {
    return this.#prefix + key;
  }

  sourceOf(target: string): string | undefined {
    return this.#sources.get(target);
  }

  /** @throws StoreError `invalid-argument` if another key of the source has that key of the target */
  take(target: string, key: string): void {
    const other = this.#sources.get(target);
    if (other !== undefined && other !== key) {
      throw invalidArgument(
        `mapKey maps both ${quoted(this.source(other))} and ${quoted(this.source(key))} to ${quoted(target)}; ` +
          `give each key one of its own`,
      );
    }
    this.#sources.set(target, key);
  }

  leave(target: string, key: string): void {
    if (this.#sources.get(target) === key) this.#sources.delete(target);
  }

  clear(): void {
    this.#sources.clear();
  }
}
