import { isStoreError, StoreError } from '@holdfast/store';
import type { IAuthenticateRequest, IAuthenticateResponse } from 'etcd3';
import { toFailureError } from '../errors.js';
import { badAnswer } from '../protobuf/bad-answer.js';
import { accepted } from './accept.js';
import type { Attempted } from './attempt.js';
import type { Caller } from './authenticator.js';
import type { Calls } from './calls.js';
import type { Endpoints, Reached } from './endpoints.js';
import type { Retrying } from './retrying.js';
import { AUTHENTICATE } from './rpc.js';

/** Gets the user's token. */
export class SignIn {
  readonly #endpoints: Endpoints;
  readonly #retrying: Retrying;
  readonly #calls: Calls;
  /** Endpoints that have refused the user, and not told their cluster, since one took the user. */
  readonly #strangers = new Set<string>();

  constructor(endpoints: Endpoints, retrying: Retrying, calls: Calls) {
    this.#endpoints = endpoints;
    this.#retrying = retrying;
    this.#calls = calls;
  }

  /**
   * @returns `undefined` where authentication is off
   * @throws StoreError
   */
  async token(request: IAuthenticateRequest, caller: Caller, signal: AbortSignal): Promise<string | undefined> {
    try {
      const { response } = await this.#retrying.run({ kind: 'read', signal }, async (reached) => {
        const result = await this.#calls.send(reached, { rpc: AUTHENTICATE, request, caller }, signal);
        if (result.status === 'answered') reached.channel.token = result.response.token;
        return accepted(this.#unlessStranger(reached, result), tokenOf);
      });
      return response;
    } catch (error) {
      // Calls without a token work there, so that authentication can be turned on later.
      if (isStoreError(error, 'unsupported')) return undefined;
      throw error;
    }
  }

  /**
   * A server that refuses the user before it has told its cluster may be any: its word counts only once more than half of
   * the endpoints have said so.
   */
  #unlessStranger<T>({ endpoint, channel }: Reached, result: Attempted<T>): Attempted<T> {
    if (result.status === 'answered') this.#strangers.clear();
    if (result.status !== 'failed' || channel.identity !== undefined || this.#endpoints.all.length === 1) return result;
    const cause = toFailureError(result.failure, 'read', endpoint.name);
    if (cause.code !== 'unauthenticated') return result;
    this.#strangers.add(endpoint.name);
    if (this.#strangers.size > this.#endpoints.all.length / 2) return result;
    endpoint.refuse(channel);
    const message = `${cause.message}; it has not shown either that it belongs to the store's cluster`;
    const error = new StoreError('unavailable', message, { cause, endpoint: endpoint.name });
    return { status: 'foreign', error, sent: false };
  }
}

function tokenOf({ token }: IAuthenticateResponse): string {
  if (token === '') throw badAnswer('etcd sent an empty token');
  // It is sent as a header. gRPC would refuse it then, and repeat it.
  if (!/^[ -~]+$/.test(token)) throw badAnswer('etcd sent a token that is not printable ASCII');
  return token;
}
