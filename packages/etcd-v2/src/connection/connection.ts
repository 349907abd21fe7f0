import { Backoff, isStoreError, sleep, StoreError, withOutcome } from '@holdfast/store';
import { parseEndpoint, type EndpointAddress } from '@holdfast/etcd-common';
import { BadAnswer } from '../json/bad-answer.js';
import { parseMembers, parseVersion } from '../json/cluster.js';
import {
  connectionMeaning,
  isPageNotFound,
  LACKS_V2,
  meaningOf,
  toAnswerError,
  toConnectionError,
  toStoreError,
  type CallKind,
  type Meaning,
  type V2ErrorBody,
} from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import { Credentials } from './authenticator.js';
import type { Endpoint } from './endpoint.js';
import { Endpoints } from './endpoints.js';
import type { HistoryPoint } from './history-point.js';
import type { ExchangeHandlers, HttpExchange, HttpRequest, HttpResponse } from './http-exchange.js';
import { startPoll, type Poll, type PollHandlers } from './poll.js';
import { recognise, type Question, type Recognised } from './recognise.js';
import { judge } from './retry.js';

/** The least that one of several endpoints is given to be reached, in milliseconds. */
const MIN_CONNECT_MS = 500;

export interface CallRequest<T> extends Question {
  /** Form fields, sent url-encoded. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  /** A JSON body, in place of a form. */
  readonly json?: unknown;
  readonly kind: CallKind;
  readonly signal: AbortSignal | undefined;
  /** Preferably not this endpoint. */
  readonly avoid?: Endpoint | undefined;
  /**
   * What the answer says, from its body.
   *
   * @throws BadAnswer where it can't be used: the call is tried again as after any failure of the server
   */
  readonly parse: (response: HttpResponse, point: HistoryPoint) => T;
}

/** What every answer tells, whatever was asked. */
export interface AnswerHead extends HistoryPoint {
  readonly status: number;
  readonly endpoint: Endpoint;
}

export type Answer<T> = AnswerHead &
  (
    | { readonly refused: undefined; readonly result: T }
    /** The server refused with one of the codes that the call expects. */
    | { readonly refused: V2ErrorBody; readonly result: undefined }
  );

/** How one attempt ended without an answer. */
interface Failed {
  readonly error: StoreError;
  readonly meaning: Meaning;
  readonly reached: boolean;
  readonly header: string | undefined;
}

/**
 * All requests to the cluster: which endpoint they go to, as which user, and whether a failed one is tried again. Reads
 * are; a write only where it was certainly not applied (C7).
 */
export class Connection {
  readonly #options: ResolvedOptions;
  readonly #endpoints: Endpoints;
  readonly #credentials: Credentials;
  #closed: StoreError | undefined;
  #lastSeen: AnswerHead | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    const { endpoints, connectMs } = options;
    // One that swallows what it is sent must leave time for the others.
    const share = endpoints.length > 1 ? Math.max(MIN_CONNECT_MS, connectMs / endpoints.length) : connectMs;
    this.#endpoints = new Endpoints(endpoints, { ...options, connectMs: Math.min(share, connectMs) });
    this.#credentials = new Credentials(options.auth);
  }

  /** Whether requests are made as a user. */
  get authenticated(): boolean {
    return this.#options.auth !== undefined;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints.all;
  }

  /** The last answer that told an index. */
  get lastSeen(): AnswerHead | undefined {
    return this.#lastSeen;
  }

  /**
   * One request and its answer.
   *
   * @throws StoreError, with an outcome where it is a write.
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
      if (!('error' in result)) return result;
      const { error, meaning, reached, header } = result;
      if (meaning.unhealthy === true) endpoint.markUnhealthy();
      if (reached) made += 1;
      tried.set(endpoint, error);
      const verdict = judge(meaning, kind, {
        made,
        most: retry.attempts,
        reached,
        // A wall clock that is set back must not make a call try for hours.
        inTime: clock.now() >= began && clock.now() < began + connectMs,
        renewed,
        others: tried.size < this.#endpoints.all.length,
      });
      switch (verdict) {
        case 'fail':
          throw summary(error, tried, connectMs, reached);
        case 'renew-credentials':
          renewed = true;
          if (!(await beforeSent(kind, this.#credentials.renew(header)))) throw error;
          tried.clear();
          break;
        case 'elsewhere':
          break;
        case 'later':
          await this.#pause(backoff.next(), kind, signal);
          tried.clear();
          break;
        default:
          return verdict satisfies never;
      }
    }
  }

  /**
   * A call of which no refusal is an answer.
   *
   * @returns what the answer says
   * @throws StoreError, with an outcome where it is a write.
   */
  async ask<T>(request: Omit<CallRequest<T>, 'expect'>): Promise<T> {
    const { result } = await this.call(request);
    return result as T;
  }

  /**
   * One request to this endpoint alone, tried once.
   *
   * @throws StoreError
   */
  async callAt<T>(endpoint: Endpoint, request: CallRequest<T>): Promise<Answer<T>> {
    const result = await this.#attempt(endpoint, request);
    if ('error' in result) throw result.error;
    return result;
  }

  /**
   * Begins a long poll at an endpoint: one attempt, and no promise in between. The user must have been told before, by
   * a `call`.
   */
  poll(endpoint: Endpoint, path: string, handlers: PollHandlers): Poll {
    const header = this.#credentials.current;
    return startPoll(endpoint, this.#request({ method: 'GET', path }, header), header, handlers);
  }

  /** After a poll was refused with `used`: whether another user is worth trying. */
  renewCredentials(used: string | undefined): Promise<boolean> {
    return this.#credentials.renew(used);
  }

  /** Takes the members' addresses from the cluster. @returns every endpoint that is used from now on. */
  async refreshEndpoints(signal: AbortSignal | undefined): Promise<readonly string[]> {
    const members = await this.ask({
      method: 'GET',
      path: '/v2/members',
      kind: 'read',
      signal,
      parse: ({ body }) => parseMembers(body),
    });
    const secure = this.#options.endpoints.every((address) => address.secure);
    const addresses = members
      .flatMap(({ clientURLs = [] }) => clientURLs)
      .map(tryParse)
      // A user's password is not sent in the clear because a member advertises an address without TLS.
      .filter((address): address is EndpointAddress => address !== undefined && address.secure === secure);
    this.#endpoints.update(
      addresses,
      new StoreError('unavailable', 'the endpoint is no longer a member of the cluster'),
    );
    return this.#endpoints.all.map(({ name }) => name);
  }

  async close(): Promise<void> {
    this.#closed ??= new StoreError('closed', 'the store is closed; open another');
    await this.#endpoints.close(this.#closed);
  }

  async #attempt<T>(endpoint: Endpoint, request: CallRequest<T>): Promise<Answer<T> | Failed> {
    const { kind, signal } = request;
    const header = this.#credentials.known
      ? this.#credentials.current
      : await beforeSent(kind, this.#credentials.header());
    if (this.#closed !== undefined) throw notSent(this.#closed, kind);
    if (isAborted(signal)) throw notSent(signal?.reason as StoreError, kind);
    const ended = await this.#exchange(endpoint, this.#request(request, header), signal);
    if ('error' in ended) return this.#failed(endpoint, request, ended, header);
    const { response } = ended;
    try {
      const recognised = recognise(request, response);
      if (recognised.kind === 'failure') return await this.#refused(endpoint, request, recognised, header);
      const { point, kind: ending } = recognised;
      const head: AnswerHead = { ...point, status: response.status, endpoint };
      const answer: Answer<T> =
        ending === 'refused'
          ? { ...head, refused: recognised.refused, result: undefined }
          : { ...head, refused: undefined, result: request.parse(response, point) };
      this.#endpoints.settleOn(endpoint);
      if (point.index !== undefined) {
        endpoint.markServingV2();
        this.#lastSeen = head;
      }
      return answer;
    } catch (bad) {
      if (!(bad instanceof BadAnswer)) throw bad;
      const { status, body } = response;
      const error = toAnswerError(bad, { status, body, from: 'other' }, kind, endpoint.name);
      const meaning: Meaning = { code: error.code, retryable: true, outcome: 'unknown', unhealthy: true };
      return { error, meaning, reached: true, header };
    }
  }

  /** No answer: the connection failed, somebody gave up, or the answer was too long. */
  #failed(
    endpoint: Endpoint,
    { kind, signal }: Pick<CallRequest<unknown>, 'kind' | 'signal'>,
    { error, sent }: { readonly error: Error; readonly sent: boolean },
    header: string | undefined,
  ): Failed {
    if (!isStoreError(error)) {
      const meaning = connectionMeaning(error, sent);
      return { error: toConnectionError(error, kind, endpoint.name, sent), meaning, reached: sent, header };
    }
    // The caller gave up, the store closed, the answer was too long, or the server is silent: only the last is for another attempt.
    const outcome = sent ? 'unknown' : 'not-applied';
    const told = kind === 'write' ? withOutcome(error, outcome) : error;
    if (!error.retryable || isAborted(signal)) throw told;
    return { error: told, header, reached: sent, meaning: { code: error.code, retryable: true, outcome } };
  }

  async #refused(
    endpoint: Endpoint,
    { kind, signal }: Pick<CallRequest<unknown>, 'kind' | 'signal'>,
    { failure }: Recognised & { readonly kind: 'failure' },
    header: string | undefined,
  ): Promise<Failed> {
    const lacksV2 = isPageNotFound(failure) && !endpoint.servesV2 && (await this.#isEtcd(endpoint, signal));
    const meaning = lacksV2 ? LACKS_V2 : meaningOf(failure, kind);
    return { error: toStoreError(failure, kind, endpoint.name, meaning), meaning, reached: true, header };
  }

  /** Whether an endpoint without the paths of the v2 API is an etcd all the same: only an etcd tells an etcd's version. */
  async #isEtcd(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<boolean> {
    const ended = await this.#exchange(endpoint, this.#request({ method: 'GET', path: '/version' }, undefined), signal);
    if ('error' in ended || ended.response.status !== 200) return false;
    try {
      parseVersion(ended.response.body);
      return true;
    } catch {
      return false;
    }
  }

  #exchange(
    endpoint: Endpoint,
    request: HttpRequest,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly response: HttpResponse } | { readonly error: Error; readonly sent: boolean }> {
    return new Promise((resolve) => {
      let exchange: HttpExchange | undefined = undefined;
      const onAbort = (): void => {
        if (exchange === undefined) return;
        const reason = signal?.reason as Error;
        const { sent } = exchange;
        endpoint.abort(exchange, reason);
        resolve({ error: reason, sent });
      };
      const handlers: ExchangeHandlers = {
        onDone: (response) => {
          signal?.removeEventListener('abort', onAbort);
          resolve({ response });
        },
        onFail: (error, sent) => {
          signal?.removeEventListener('abort', onAbort);
          resolve({ error, sent });
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      exchange = endpoint.start(request, handlers);
    });
  }

  #request(
    { method, path, form, json }: Pick<CallRequest<unknown>, 'method' | 'path' | 'form' | 'json'>,
    authorization: string | undefined,
  ): HttpRequest {
    const headers: Record<string, string> = { ...this.#options.headers };
    if (authorization !== undefined) headers['authorization'] = authorization;
    if (form !== undefined) {
      headers['content-type'] = 'application/x-www-form-urlencoded';
      return { method, path, headers, body: new URLSearchParams(form).toString() };
    }
    if (json !== undefined) {
      headers['content-type'] = 'application/json';
      return { method, path, headers, body: JSON.stringify(json) };
    }
    return { method, path, headers };
  }

  async #pause(delayMs: number, kind: CallKind, signal: AbortSignal | undefined): Promise<void> {
    try {
      await sleep(this.#options.clock, delayMs, signal);
    } catch (reason) {
      throw notSent(reason as StoreError, kind);
    }
  }
}

// A function, since TypeScript takes a signal that was looked at once for the same ever after.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** Waits for something without which nothing is sent: if that fails, a write was not applied. */
async function beforeSent<T>(kind: CallKind, waiting: Promise<T>): Promise<T> {
  try {
    return await waiting;
  } catch (error) {
    throw notSent(error as StoreError, kind);
  }
}

function notSent(error: StoreError, kind: CallKind): StoreError {
  return kind === 'write' ? withOutcome(error, 'not-applied') : error;
}

function tryParse(url: string): EndpointAddress | undefined {
  try {
    return parseEndpoint(url);
  } catch (error) {
    // A member may advertise what this client can't use.
    if (isStoreError(error, 'invalid-argument')) return undefined;
    throw error;
  }
}

/** The last error; where no endpoint could be reached, one that says what became of each. */
function summary(
  error: StoreError,
  tried: ReadonlyMap<Endpoint, StoreError>,
  connectMs: number,
  reached: boolean,
): StoreError {
  if (reached || error.code !== 'unavailable') return error;
  const { retryable, outcome, endpoint } = error;
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
