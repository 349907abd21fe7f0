import type { IdentityCensus } from '@holdfast/etcd-common';
import { isStoreError, type StoreError } from '@holdfast/store';
import { abortable } from '@holdfast/store/adapter';
import type { Endpoint } from './endpoint.js';
import type { Link } from './link.js';

/**
 * Compares the cluster's id that comes with nearly every answer with that of the store, before the answer is used: a
 * member of another cluster serves nothing, neither reads nor writes nor watches (docs/traps.md#trap-23).
 */
export class Admission {
  readonly #census: IdentityCensus;

  constructor(census: IdentityCensus) {
    this.#census = census;
  }

  /** Whether a connection has shown that it reaches the store's own cluster. */
  isShown({ identity }: Link): boolean {
    return identity !== undefined && identity === this.#census.identity.known;
  }

  /**
   * An answer reported its cluster. The store's first answer waits here until the cluster of most endpoints is known.
   *
   * @returns the reason why the answer must not be used
   * @throws the signal's reason
   */
  async told(
    endpoint: Endpoint,
    link: Link,
    identity: string,
    signal: AbortSignal | undefined,
  ): Promise<StoreError | undefined> {
    if (link.identity !== undefined || identity === '') return this.heard(endpoint, link, identity);
    try {
      await abortable(this.#census.admit(endpoint.name, identity), signal);
      link.identity = identity;
      return undefined;
    } catch (error) {
      if (signal?.aborted === true || !isStoreError(error)) throw error;
      return error;
    }
  }

  /** The same for a long poll, which can't wait. Its store has had an answer before. */
  heard(endpoint: Endpoint, link: Link, identity: string): StoreError | undefined {
    // Not an answer of etcd; its reader will find that out.
    if (identity === '') return undefined;
    try {
      // Each new connection counts for or against a change.
      if (link.identity === undefined) this.#census.admit(endpoint.name, identity).catch(() => undefined);
      this.#census.check(endpoint.name, identity);
      link.identity ??= identity;
      return undefined;
    } catch (error) {
      if (!isStoreError(error)) throw error;
      return error;
    }
  }
}
