import type { Metadata } from '@grpc/grpc-js';
import type { IdentityCensus } from '@holdfast/etcd-common';
import type { Clock, StoreError } from '@holdfast/store';
import { type GrpcFailure, toFailureError } from '../errors.js';
import { askIdentity, askToken, type AskedRange } from './ask-identity.js';
import type { Caller } from './authenticator.js';
import type { EtcdChannel } from './etcd-channel.js';

/** What is being asked of a connection, for all calls that wait for it. */
interface Question {
  readonly token: string | undefined;
  readonly answer: Promise<GrpcFailure | undefined>;
}

/**
 * Lets a connection carry calls only once it has shown that it reaches the store's own cluster, and that the server knows the
 * user's token. A new one is asked anonymously, before anybody has it; what is left is asked in the name of its first call.
 */
export class Admission {
  readonly #census: IdentityCensus;
  readonly #clock: Clock;
  /** Connections that don't tell their cluster when asked: the answers of calls do. */
  readonly #silent = new WeakSet<EtcdChannel>();
  readonly #questions = new WeakMap<EtcdChannel, Question>();

  constructor(census: IdentityCensus, clock: Clock) {
    this.#census = census;
    this.#clock = clock;
  }

  /**
   * Asks a new connection. If the server wants a user first, nothing is decided yet.
   *
   * @throws StoreError `unavailable` if it must not be used.
   */
  async admit(endpoint: string, channel: EtcdChannel, anonymous: Metadata): Promise<void> {
    const shown = await askIdentity(channel, anonymous, undefined);
    if (shown.status === 'failed') throw toFailureError(shown.failure, 'read', endpoint);
    if (shown.status === 'told') await this.told(endpoint, channel, shown.identity);
  }

  /** Whether the connection may carry calls of this user. */
  has(channel: EtcdChannel, caller: Caller): boolean {
    const isKnown = channel.identity !== undefined || this.#silent.has(channel);
    return isKnown && knowsUser(channel, caller);
  }

  /**
   * Before a call that the connection may not carry yet: asks in its name.
   *
   * @returns the reason why the call can't be made, in gRPC's terms, such as an old token
   * @throws StoreError `unavailable` if the connection must not be used.
   */
  async show(
    endpoint: string,
    channel: EtcdChannel,
    caller: Caller,
    range: AskedRange | undefined,
  ): Promise<GrpcFailure | undefined> {
    const asked = this.#questions.get(channel);
    if (asked !== undefined && asked.token === caller.token) return asked.answer;
    const answer = this.#ask(endpoint, channel, caller, range).finally(() => {
      if (this.#questions.get(channel)?.answer === answer) this.#questions.delete(channel);
    });
    this.#questions.set(channel, { token: caller.token, answer });
    return answer;
  }

  async #ask(
    endpoint: string,
    channel: EtcdChannel,
    caller: Caller,
    range: AskedRange | undefined,
  ): Promise<GrpcFailure | undefined> {
    const { token, metadata } = caller;
    const clock = token === undefined ? undefined : this.#clock;
    if (channel.identity === undefined && !this.#silent.has(channel)) {
      const shown = await askIdentity(channel, metadata, clock, range);
      if (shown.status === 'failed') return shown.failure;
      if (shown.status === 'untold' && shown.refusal !== undefined) return shown.refusal;
      if (shown.status === 'told') {
        await this.told(endpoint, channel, shown.identity);
        // The server wanted a user before it told anything: it has looked at the token.
        channel.token = token;
      }
    }
    if (knowsUser(channel, caller)) return undefined;
    const refusal = await askToken(channel, metadata, this.#clock);
    if (refusal === undefined) channel.token = token;
    return refusal;
  }

  /** The connection does not report its cluster, at least not to this user. The answers to calls will. */
  accept(channel: EtcdChannel): void {
    this.#silent.add(channel);
  }

  /**
   * A connection, or an answer over it, reported its cluster.
   *
   * @throws StoreError `unavailable` if it must not be used.
   */
  async told(endpoint: string, channel: EtcdChannel, identity: string): Promise<void> {
    if (channel.identity === undefined) {
      await this.#census.admit(endpoint, identity);
      channel.identity = identity;
    }
    this.#census.check(endpoint, identity);
  }

  /**
   * The same for a message of a stream, which can't wait. If the store's cluster is not known yet, it is determined, and the stream
   * must be opened again.
   *
   * @returns the reason why the message must not be used
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

/** Whether nothing is to be asked of the server in the name of this user: a JWT names its user itself. */
function knowsUser(channel: EtcdChannel, { token, isJwt }: Caller): boolean {
  return token === undefined || token === channel.token || isJwt;
}
