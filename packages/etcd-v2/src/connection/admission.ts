import { passing, type IdentityCensus } from '@holdfast/etcd-common';
import { isStoreError, type StoreError, type WriteOutcome } from '@holdfast/store';
import { abortable, withOutcome } from '@holdfast/store/adapter';
import type { CallRequest, Failed, Via } from './call.js';
import type { Endpoint } from './endpoint.js';
import { pointOf } from './history-point.js';
import type { ResponseHead } from './http-exchange.js';
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
   * An answer reported its cluster. The store's first answer waits here until the cluster of most endpoints is known. A connection that
   * reaches another cluster is ended.
   *
   * @param outcome of a write, if the answer must not be used: `unknown` for its own answer, `not-applied` for that of a question before it
   * @returns how the attempt failed; `undefined` if the answer may be used
   * @throws the signal's reason
   */
  async told(
    via: Via,
    { kind, signal }: Pick<CallRequest<unknown>, 'kind' | 'signal'>,
    response: ResponseHead,
    outcome: WriteOutcome,
  ): Promise<Failed | undefined> {
    const { endpoint, link } = via;
    const toError = (error: StoreError): StoreError => (kind === 'write' ? withOutcome(error, outcome) : error);
    try {
      const foreign = await this.#refusal(endpoint, link, pointOf(response).identity, signal);
      if (foreign === undefined) return undefined;
      endpoint.drop(link);
      return { ...via, error: toError(foreign), meaning: passing(outcome), reached: true };
    } catch (reason) {
      endpoint.release(link);
      throw isStoreError(reason) ? toError(reason) : reason;
    }
  }

  async #refusal(
    endpoint: Endpoint,
    link: Link,
    identity: string,
    signal: AbortSignal | undefined,
  ): Promise<StoreError | undefined> {
    if (link.identity !== undefined || identity === '') return this.heard(endpoint, link, identity);
    try {
      await abortable(this.#census.admit(endpoint.name, identity), signal);
      link.reported(identity);
      return undefined;
    } catch (error) {
      if (signal?.aborted === true || !isStoreError(error)) throw error;
      return error;
    }
  }

  /**
   * The same for a long poll, which can't wait. Its store has had an answer before.
   *
   * @returns the reason why the answer must not be used
   */
  heard(endpoint: Endpoint, link: Link, identity: string): StoreError | undefined {
    // Not an answer of etcd; its reader will find that out.
    if (identity === '') return undefined;
    try {
      // Each new connection counts for or against a change.
      if (link.identity === undefined) this.#census.admit(endpoint.name, identity).catch(() => undefined);
      this.#census.check(endpoint.name, identity);
      link.reported(identity);
      return undefined;
    } catch (error) {
      if (!isStoreError(error)) throw error;
      return error;
    }
  }
}
