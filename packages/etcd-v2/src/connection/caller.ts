import { isStoreError, StoreError, withOutcome } from '@holdfast/store';
import { parseVersion } from '../json/cluster.js';
import { BadAnswer } from '../json/bad-answer.js';
import {
  connectionMeaning,
  isPageNotFound,
  LACKS_V2,
  meaningOf,
  passing,
  toAnswerError,
  toConnectionError,
  toStoreError,
  type CallKind,
  type HttpFailure,
  type Meaning,
  type V2ErrorBody,
} from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import type { Admission } from './admission.js';
import type { Endpoint } from './endpoint.js';
import { pointOf, type HistoryPoint } from './history-point.js';
import type { ExchangeHandlers, HttpExchange, HttpRequest, HttpResponse } from './http-exchange.js';
import { introduces, introductionPath, LEADER_PATH } from './introduction.js';
import { LinkGone, type Link } from './link.js';
import { recognise, type Question } from './recognise.js';
import { withTimeLimit } from './time-limit.js';

export interface CallRequest<T> extends Question {
  /** Form fields, sent url-encoded. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  /** A JSON body, in place of a form. */
  readonly json?: unknown;
  readonly kind: CallKind;
  readonly signal: AbortSignal | undefined;
  /** Preferably not this endpoint, and else over a new connection to it. */
  readonly avoid?: Endpoint | undefined;
  /** Asks the endpoint as such, whichever cluster it belongs to. */
  readonly anyCluster?: boolean | undefined;
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
export interface Failed {
  readonly error: StoreError;
  readonly meaning: Meaning;
  /** Whether the request, or the question before it, reached a server. */
  readonly reached: boolean;
  /** The credentials that the request had. */
  readonly header: string | undefined;
  readonly link: Link;
}

type Ended = { readonly response: HttpResponse } | { readonly error: Error; readonly sent: boolean };

/** The least that a server is given to answer a small read, in milliseconds. */
const MIN_ANSWER_MS = 1_000;
/** How often in a row a connection may end between showing its cluster and the write that it was made for. */
const MOST_GONE = 3;

/** Makes one attempt of a call at one endpoint: over a connection that reaches the store's own cluster, and of its answer. */
export class Caller {
  readonly #options: ResolvedOptions;
  readonly #admission: Admission;

  constructor(options: ResolvedOptions, admission: Admission) {
    this.#options = options;
    this.#admission = admission;
  }

  /**
   * @param header the credentials to send
   * @throws StoreError where no other attempt is to be made: the caller gave up, the store closed, the answer was too long
   */
  async attempt<T>(
    endpoint: Endpoint,
    request: CallRequest<T>,
    header: string | undefined,
  ): Promise<Answer<T> | Failed> {
    const { signal, avoid, anyCluster = false } = request;
    const http = this.request(request, header);
    for (let gone = 0; ; gone += 1) {
      let link = endpoint.take(avoid === endpoint);
      if (!anyCluster) {
        const shown = await this.#show(endpoint, link, request, header);
        if ('error' in shown) return shown;
        if (shown.closes) {
          // The server ends each connection after one answer: there is nothing better than that it has just shown itself.
          endpoint.discard(link);
          link = endpoint.take(true);
        }
      }
      const ended = await this.#exchange(endpoint, link, http, signal);
      if (!('error' in ended)) return this.#answered(endpoint, link, request, ended.response, header);
      endpoint.discard(link);
      if (ended.error instanceof LinkGone && gone < MOST_GONE) continue;
      return this.#failed(endpoint, link, request, ended, header);
    }
  }

  /** A request as it is sent. */
  request(
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

  /** Has a connection show what it must have shown before it carries a request. It is discarded where that fails. */
  async #show<T>(
    endpoint: Endpoint,
    link: Link,
    request: CallRequest<T>,
    header: string | undefined,
  ): Promise<Failed | { readonly closes: boolean }> {
    const { kind, signal } = request;
    const unsent = (error: StoreError): Failed => {
      const told = kind === 'write' ? withOutcome(error, 'not-applied') : error;
      return { error: told, meaning: passing('not-applied'), reached: true, header, link };
    };
    // In place of one that failed there may be another to the same member, which would let a call wait for seconds.
    if (endpoint.mayLackLeader && !link.isOpen) {
      const response = await this.#ask(endpoint, link, LEADER_PATH, request, undefined);
      if ('error' in response) return response;
      const { identity } = pointOf(response);
      const foreign = await this.#told(endpoint, link, identity, signal, kind);
      if (foreign !== undefined) return unsent(foreign);
      if (identity !== '' && response.status === 503) {
        endpoint.discard(link);
        const { name } = endpoint;
        return unsent(new StoreError('unavailable', `${name}: the member knows of no leader`, { endpoint: name }));
      }
    }
    if (introduces(request) || this.#admission.isShown(link)) return { closes: false };
    const path = introductionPath(request.path);
    // First without a user: etcd's refusal tells as much, and costs it no bcrypt. Only a proxy may want one before it asks etcd.
    const anonymous = await this.#ask(endpoint, link, path, request, undefined);
    if ('error' in anonymous) return anonymous;
    const isEnough = header === undefined || pointOf(anonymous).identity !== '' || link.isGone;
    const response = isEnough ? anonymous : await this.#ask(endpoint, link, path, request, header);
    if ('error' in response) return response;
    const { identity } = pointOf(response);
    if (identity === '') {
      endpoint.release(link);
      const failure = failureOf(response);
      const meaning = await this.#meaningOf(endpoint, failure, 'read', signal);
      const failed = unsent(toStoreError(failure, 'read', endpoint.name, meaning));
      return { ...failed, meaning: { ...meaning, outcome: 'not-applied' } };
    }
    const foreign = await this.#told(endpoint, link, identity, signal, kind);
    if (foreign !== undefined) return unsent(foreign);
    return { closes: response.headers['connection']?.toLowerCase() === 'close' };
  }

  /** A small read ahead of a request. An answer is due soon, as a connection is, so that time is left for other endpoints. */
  async #ask(
    endpoint: Endpoint,
    link: Link,
    path: string,
    { kind, signal }: Pick<CallRequest<unknown>, 'kind' | 'signal'>,
    header: string | undefined,
  ): Promise<HttpResponse | Failed> {
    const { clock, connectMs, endpoints } = this.#options;
    const { name } = endpoint;
    const limitMs = Math.min(connectMs, Math.max(MIN_ANSWER_MS, connectMs / endpoints.length));
    const late = (): StoreError =>
      new StoreError('unavailable', `${name}: no answer within ${limitMs} ms (timeouts.connectMs)`, { endpoint: name });
    const ended = await withTimeLimit({ clock, limitMs, late }, signal, (limited) =>
      this.#exchange(endpoint, link, this.request({ method: 'GET', path }, header), limited),
    );
    if (!('error' in ended)) return ended.response;
    endpoint.discard(link);
    const { error, sent } = ended;
    if (signal?.aborted === true) throw notSent(signal.reason as StoreError, kind);
    if (isStoreError(error) && !error.retryable) throw notSent(error, kind);
    const told = isStoreError(error) ? error : toConnectionError(error, 'read', name, sent);
    const meaning = isStoreError(error) ? passing('not-applied') : connectionMeaning(error, false);
    return { error: notSent(told, kind), meaning: { ...meaning, outcome: 'not-applied' }, reached: sent, header, link };
  }

  async #answered<T>(
    endpoint: Endpoint,
    link: Link,
    request: CallRequest<T>,
    response: HttpResponse,
    header: string | undefined,
  ): Promise<Answer<T> | Failed> {
    const { kind, signal, anyCluster = false } = request;
    const { identity } = pointOf(response);
    const foreign = anyCluster ? undefined : await this.#told(endpoint, link, identity, signal, kind);
    const failed = (error: StoreError, meaning: Meaning): Failed => ({ error, meaning, reached: true, header, link });
    // A balancer of requests may have passed a write on to another cluster than the question before it.
    if (foreign !== undefined) {
      return failed(kind === 'write' ? withOutcome(foreign, 'unknown') : foreign, passing('unknown'));
    }
    endpoint.release(link);
    try {
      const recognised = recognise(request, response);
      if (recognised.kind === 'failure') {
        const { failure } = recognised;
        const meaning = await this.#meaningOf(endpoint, failure, kind, signal);
        return failed(toStoreError(failure, kind, endpoint.name, meaning), meaning);
      }
      const { point } = recognised;
      const head: AnswerHead = { ...point, status: response.status, endpoint };
      if (recognised.kind === 'refused') return { ...head, refused: recognised.refused, result: undefined };
      return { ...head, refused: undefined, result: request.parse(response, point) };
    } catch (bad) {
      if (!(bad instanceof BadAnswer)) throw bad;
      const error = toAnswerError(bad, failureOf(response), kind, endpoint.name);
      return failed(error, { ...passing('unknown'), code: error.code });
    }
  }

  /** No answer: the connection failed, somebody gave up, or the answer was too long. */
  #failed(
    endpoint: Endpoint,
    link: Link,
    { kind, signal }: Pick<CallRequest<unknown>, 'kind' | 'signal'>,
    { error, sent }: { readonly error: Error; readonly sent: boolean },
    header: string | undefined,
  ): Failed {
    if (!isStoreError(error)) {
      const meaning = connectionMeaning(error, sent);
      return { error: toConnectionError(error, kind, endpoint.name, sent), meaning, reached: sent, header, link };
    }
    // Only a server that is silent is for another attempt.
    const outcome = sent ? 'unknown' : 'not-applied';
    const told = kind === 'write' ? withOutcome(error, outcome) : error;
    if (!error.retryable || signal?.aborted === true) throw told;
    return { error: told, header, reached: sent, link, meaning: { code: error.code, retryable: true, outcome } };
  }

  async #told(
    endpoint: Endpoint,
    link: Link,
    identity: string,
    signal: AbortSignal | undefined,
    kind: CallKind,
  ): Promise<StoreError | undefined> {
    try {
      const foreign = await this.#admission.told(endpoint, link, identity, signal);
      if (foreign !== undefined) endpoint.drop(link);
      return foreign;
    } catch (reason) {
      endpoint.release(link);
      // The answer of a write is there, and must not be believed yet.
      throw kind === 'write' && isStoreError(reason) ? withOutcome(reason, 'unknown') : reason;
    }
  }

  async #meaningOf(
    endpoint: Endpoint,
    failure: HttpFailure,
    kind: CallKind,
    signal: AbortSignal | undefined,
  ): Promise<Meaning> {
    const mayLackV2 = isPageNotFound(failure) && !endpoint.servesV2;
    return mayLackV2 && (await this.#isEtcd(endpoint, signal)) ? LACKS_V2 : meaningOf(failure, kind);
  }

  /** Whether an endpoint without the paths of the v2 API is an etcd all the same: only an etcd tells an etcd's version. */
  async #isEtcd(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<boolean> {
    const link = endpoint.take();
    const ended = await this.#exchange(
      endpoint,
      link,
      this.request({ method: 'GET', path: '/version' }, undefined),
      signal,
    );
    if ('error' in ended) {
      endpoint.discard(link);
      return false;
    }
    endpoint.release(link);
    try {
      parseVersion(ended.response.body);
      return ended.response.status === 200;
    } catch {
      return false;
    }
  }

  #exchange(endpoint: Endpoint, link: Link, request: HttpRequest, signal: AbortSignal | undefined): Promise<Ended> {
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
      exchange = endpoint.start(link, request, handlers);
      if (signal?.aborted === true) onAbort();
    });
  }
}

function failureOf({ status, body }: HttpResponse): HttpFailure {
  return { status, body, from: 'other' };
}

export function notSent(error: StoreError, kind: CallKind): StoreError {
  return kind === 'write' ? withOutcome(error, 'not-applied') : error;
}
