import { isStoreError, StoreError } from '@holdfast/store';
import {
  abortable,
  Backoff,
  beforeSent,
  noteEndpoint,
  noteFailure,
  notSent,
  sleep,
  withTimeLimit,
} from '@holdfast/store/adapter';
import { IdentityCensus, parseEndpoint, type EndpointAddress } from '@holdfast/etcd-common';
import type { ResolvedOptions } from '../options.js';
import { Admission } from './admission.js';
import { Credentials } from './authenticator.js';
import type { Answer, AnswerHead, CallRequest, Failed } from './call.js';
import { Caller } from './caller.js';
import type { Endpoint } from './endpoint.js';
import { Endpoints } from './endpoints.js';
import { pointOf } from './history-point.js';
import { httpRequest } from './http-request.js';
import { introductionPath } from './introduction.js';
import { startPoll, type Poll, type PollHandlers, type PollQuestion } from './poll.js';
import { startRenewedPoll } from './renewed-poll.js';
import { judge } from './retry.js';

/** The shortest time to connect to one of several endpoints, in milliseconds. */
const MIN_CONNECT_MS = 500;

/**
 * All requests to the cluster: it chooses their endpoint and user, and retries failed ones. Reads are retried; writes only if they were
 * certainly not applied (C7).
 */
export class Connection {
  readonly #options: ResolvedOptions;
  readonly #endpoints: Endpoints;
  readonly #credentials: Credentials;
  readonly #census: IdentityCensus;
  readonly #admission: Admission;
  readonly #caller: Caller;
  /** The path that endpoints are asked for their cluster with: near the last request's, because the user may read that. */
  #asked = introductionPath('/');
  #closed: StoreError | undefined;
  #lastSeen: AnswerHead | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    const { endpoints, connectMs } = options;
    // An endpoint that accepts connections and never answers must leave time for the others.
    const share = endpoints.length > 1 ? Math.max(MIN_CONNECT_MS, connectMs / endpoints.length) : connectMs;
    this.#endpoints = new Endpoints(endpoints, {
      ...options,
      connectMs: Math.min(share, connectMs),
      onIdentity: (endpoint, identity) => {
        this.#census.admit(endpoint, identity).catch(() => undefined);
      },
    });
    this.#credentials = new Credentials(options.auth);
    this.#census = new IdentityCensus({
      ...options,
      ...options.identity,
      endpoints: () => this.#endpoints.all.map(({ name }) => name),
      probe: (endpoint, signal) => this.#probe(endpoint, signal),
    });
    this.#census.identity.onChange((identity, before) => {
      const message = `the store's cluster is ${identity} now, and this connection reaches ${String(before)}`;
      const reason = new StoreError('unavailable', message);
      for (const endpoint of this.#endpoints.all) endpoint.keepOnly(identity, reason);
    });
    this.#admission = new Admission(this.#census);
    this.#caller = new Caller(options, this.#admission);
  }

  /** Whether requests have a user. */
  get authenticated(): boolean {
    return this.#options.auth !== undefined;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints.all;
  }

  /** Takes an identity as known, unless one is. */
  assumeIdentity(identity: string): void {
    this.#census.identity.assume(identity);
  }

  /** The last answer with an index. */
  get lastSeen(): AnswerHead | undefined {
    return this.#lastSeen?.identity === this.#census.identity.known ? this.#lastSeen : undefined;
  }

  /**
   * One request and its answer.
   *
   * @throws StoreError, with an outcome if it is a write.
   */
  async call<T>(request: CallRequest<T>): Promise<Answer<T>> {
    const { kind, signal, avoid } = request;
    const { clock, connectMs, retry, random } = this.#options;
    const backoff = new Backoff({ ...retry, random });
    const began = clock.now();
    const tried = new Map<Endpoint, StoreError>();
    let made = 0;
    let renewed = false;
    for (;;) {
      const endpoint = this.#endpoints.choose(new Set(tried.keys()), avoid);
      if (endpoint === undefined) throw new StoreError('internal', 'there is no endpoint left to try');
      const result = await this.#attempt(endpoint, request);
      if (!('error' in result)) {
        noteEndpoint(signal, endpoint.name);
        return result;
      }
      const { error, meaning, reached, header, link } = result;
      if (meaning.unhealthy === true) endpoint.markUnhealthy(link, meaning.mayLackLeader);
      if (reached) made += 1;
      tried.set(endpoint, error);
      noteFailure(signal, error);
      const leftMs = began + connectMs - clock.now();
      const verdict = judge(meaning, kind, {
        made,
        most: retry.attempts,
        reached,
        // A wall clock that is set back must not make a call retry for hours.
        inTime: leftMs > 0 && leftMs <= connectMs,
        renewed,
        others: tried.size < this.#endpoints.all.length,
        otherMayHeal: isPassing(tried),
      });
      switch (verdict) {
        case 'fail':
          throw summary(error, tried, connectMs, reached);
        case 'renew-credentials':
          renewed = true;
          if (!(await beforeSent(kind, abortable(this.#credentials.renew(header), signal)))) throw error;
          tried.clear();
          break;
        case 'elsewhere':
          break;
        case 'later':
          // What can't be reached is given up in time, whatever the back-off.
          await beforeSent(kind, sleep(clock, reached ? backoff.next() : Math.min(backoff.next(), leftMs), signal));
          tried.clear();
          break;
        default:
          return verdict satisfies never;
      }
    }
  }

  /**
   * A call that expects no refusal.
   *
   * @returns the result
   * @throws StoreError, with an outcome if it is a write.
   */
  async ask<T>(request: Omit<CallRequest<T>, 'expect'>): Promise<T> {
    const { result } = await this.call(request);
    return result as T;
  }

  /**
   * One request to this endpoint only, without retries.
   *
   * @throws StoreError
   */
  async callAt<T>(endpoint: Endpoint, request: CallRequest<T>): Promise<Answer<T>> {
    const result = await this.#attempt(endpoint, request);
    if ('error' in result) throw result.error;
    return result;
  }

  /**
   * Begins a long poll at an endpoint: one attempt, started synchronously. A `call` must have fetched the user before.
   */
  poll(endpoint: Endpoint, { path, recursive, from }: PollQuestion, handlers: PollHandlers): Poll {
    const header = this.#credentials.current;
    const { random, keepalive } = this.#options;
    const query = `?wait=true&waitIndex=${from}${recursive ? '&recursive=true' : ''}`;
    const request = httpRequest({ method: 'GET', path: path + query }, header, this.#options.headers);
    const start = (fresh: boolean, each: PollHandlers): Poll =>
      startPoll({ endpoint, request, from, header, admission: this.#admission, fresh }, each);
    return keepalive === undefined ? start(false, handlers) : startRenewedPoll(start, handlers, endpoint, random);
  }

  /** Call it after a poll was refused with `used`. @returns whether there is another user to try */
  renewCredentials(used: string | undefined): Promise<boolean> {
    return this.#credentials.renew(used);
  }

  /** Takes the members' client URLs as endpoints: the user's own stay, others come and go. @returns every endpoint that is used from now on. */
  updateEndpoints(urls: readonly string[]): readonly string[] {
    const secure = this.#options.endpoints.every((address) => address.secure);
    const addresses = urls
      .map(tryParse)
      // Otherwise a member that advertises an address without TLS would receive the password in the clear.
      .filter((address): address is EndpointAddress => address !== undefined && address.secure === secure);
    this.#endpoints.update(
      addresses,
      new StoreError('unavailable', 'the endpoint is no longer a member of the cluster'),
    );
    return this.#endpoints.all.map(({ name }) => name);
  }

  async close(): Promise<void> {
    this.#closed ??= new StoreError('closed', 'the store is closed; open another');
    this.#census.close();
    await this.#endpoints.close(this.#closed);
  }

  async #attempt<T>(endpoint: Endpoint, request: CallRequest<T>): Promise<Answer<T> | Failed> {
    const { kind, signal, path } = request;
    const header = this.#credentials.known
      ? this.#credentials.current
      : await beforeSent(kind, abortable(this.#credentials.header(), signal));
    if (this.#closed !== undefined) throw notSent(kind, this.#closed);
    if (isAborted(signal)) throw notSent(kind, signal?.reason as StoreError);
    if (path.startsWith('/v2/keys/')) this.#asked = introductionPath(path);
    const answer = await this.#caller.attempt(endpoint, request, header);
    if ('error' in answer) return answer;
    this.#endpoints.settleOn(endpoint);
    if (answer.index !== undefined) {
      endpoint.health.servedV2();
      const { index, identity, raftTerm, status } = answer;
      this.#lastSeen = { index, identity, raftTerm, status, endpoint };
    }
    return answer;
  }

  /** Asks an endpoint for its cluster over a new connection. */
  async #probe(name: string, signal: AbortSignal): Promise<string | undefined> {
    const endpoint = this.#endpoints.all.find((each) => each.name === name);
    if (endpoint === undefined) return undefined;
    const { clock, connectMs } = this.#options;
    const request = httpRequest({ method: 'GET', path: this.#asked }, this.#credentials.current, this.#options.headers);
    const late = (): StoreError =>
      new StoreError('unavailable', `${name}: no answer within ${connectMs} ms`, { endpoint: name });
    const answer = await withTimeLimit({ clock, ms: connectMs, signal, late, isPatient: true }, ({ signal: limited }) =>
      endpoint.ask(request, limited),
    );
    const { identity } = pointOf(answer);
    return identity === '' ? undefined : identity;
  }
}

// A function, because TypeScript assumes that a signal's state does not change after a check.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function tryParse(url: string): EndpointAddress | undefined {
  try {
    return parseEndpoint(url);
  } catch (error) {
    // A member may advertise an address that this client can't use.
    if (isStoreError(error, 'invalid-argument')) return undefined;
    throw error;
  }
}

/** Whether waiting may help against any of these failures: it mends no certificate. */
function isPassing(tried: ReadonlyMap<Endpoint, StoreError>): boolean {
  return [...tried.values()].some(({ retryable }) => retryable);
}

/** The last error, or, if no endpoint could be reached, one with the failure of each. */
function summary(
  error: StoreError,
  tried: ReadonlyMap<Endpoint, StoreError>,
  connectMs: number,
  reached: boolean,
): StoreError {
  if (reached || error.code !== 'unavailable') return error;
  const { outcome, endpoint } = error;
  const retryable = isPassing(tried);
  const all = tried.size > 1 ? 'none of the endpoints could be' : 'the endpoint could not be';
  const within = retryable ? ` within ${connectMs} ms (timeouts.connectMs)` : '';
  const named = [...tried.values()].map(({ message }) => message).join('; ');
  return new StoreError('unavailable', `${all} reached${within}: ${named}`, {
    cause: error,
    retryable,
    outcome,
    endpoint,
  });
}
