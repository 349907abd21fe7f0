import type { Metadata } from '@grpc/grpc-js';
import type { IdentityCensus } from '@holdfast/etcd-common';
import type { StoreError } from '@holdfast/store';
import { toStoreError, type GrpcFailure } from '../errors.js';
import { askIdentity, type AskedRange, type Shown } from './ask-identity.js';
import type { EtcdChannel } from './etcd-channel.js';

/**
 * Lets a connection carry calls only once it has shown that it reaches the store's own cluster. A new one is asked with
 * what is at hand, before anybody has it; one that wants a user first is asked again in the name of its first call.
 */
export class Admission {
  readonly #census: IdentityCensus;
  /** Connections that don't tell their cluster when asked: the answers of calls do. */
  readonly #silent = new WeakSet<EtcdChannel>();
  readonly #asking = new WeakMap<EtcdChannel, Promise<Shown>>();

  constructor(census: IdentityCensus) {
    this.#census = census;
  }

  /**
   * Asks a new connection. Where the server wants a user first, nothing is decided yet.
   *
   * @throws StoreError `unavailable` where it must not be used.
   */
  async admit(endpoint: string, channel: EtcdChannel, metadata: Metadata): Promise<void> {
    const shown = await askIdentity(channel, metadata);
    if (shown.status === 'failed') throw toStoreError(shown.failure, 'read', endpoint);
    if (shown.status === 'told') await this.told(endpoint, channel, shown.identity);
  }

  /**
   * Before a call: asks in its name, where the connection has not shown its cluster yet.
   *
   * @returns why the call can't be made, in gRPC's terms: such as an old token
   * @throws StoreError `unavailable` where the connection must not be used.
   */
  async show(
    endpoint: string,
    channel: EtcdChannel,
    metadata: Metadata,
    range: AskedRange | undefined,
  ): Promise<GrpcFailure | undefined> {
    if (channel.identity !== undefined || this.#silent.has(channel)) return undefined;
    let asking = this.#asking.get(channel);
    if (asking === undefined) {
      asking = askIdentity(channel, metadata, range).finally(() => this.#asking.delete(channel));
      this.#asking.set(channel, asking);
    }
    const shown = await asking;
    switch (shown.status) {
      case 'told':
        await this.told(endpoint, channel, shown.identity);
        return undefined;
      case 'failed':
        return shown.failure;
      case 'untold':
        return shown.refusal;
      default:
        return shown satisfies never;
    }
  }

  /** The connection does not tell its cluster, to this user at least. Calls find out what it refuses, and tell it. */
  accept(channel: EtcdChannel): void {
    this.#silent.add(channel);
  }

  /**
   * A connection, or an answer over it, told its cluster.
   *
   * @throws StoreError `unavailable` where it must not be used.
   */
  async told(endpoint: string, channel: EtcdChannel, identity: string): Promise<void> {
    if (channel.identity === undefined) {
      await this.#census.admit(endpoint, identity);
      channel.identity = identity;
    }
    this.#census.check(endpoint, identity);
  }

  /**
   * The same for a message of a stream, which can't wait: where it is not known yet which cluster is the store's, that
   * is found out, and the stream has to be opened again.
   *
   * @returns why it must not be used
   */
  heard(endpoint: string, channel: EtcdChannel, identity: string): StoreError | undefined {
    const isBeginning = channel.identity === undefined && this.#census.identity.known === undefined;
    if (isBeginning) this.told(endpoint, channel, identity).catch(() => undefined);
    try {
      this.#census.check(endpoint, identity);
      channel.identity = identity;
      return undefined;
    } catch (error) {
      return error as StoreError;
    }
  }
}
