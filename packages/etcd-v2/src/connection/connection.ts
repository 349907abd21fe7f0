import { Backoff, isStoreError, sleep, StoreError, withOutcome, type Revision } from '@holdfast/store';
import { parseJson, toIndex } from '../json/codec.js';
import { Credentials } from './authenticator.js';
import { parseEndpoint, type EndpointAddress } from '@holdfast/etcd-common';
import type { Endpoint } from './endpoint.js';
import { Endpoints } from './endpoints.js';
import {
  connectionMeaning,
  meaningOf,
  parseV2Error,
  toConnectionError,
  toStoreError,
  type CallKind,
  type Meaning,
  type V2ErrorBody,
} from '../errors.js';
import type { ExchangeHandlers, HttpExchange, HttpRequest, HttpResponse, ResponseHead } from './http-exchange.js';
import type { ResolvedOptions } from '../options.js';
import { judge } from './retry.js';

/** The least that one of several endpoints is given to be reached, in milliseconds. */
const MIN_CONNECT_MS = 500;

export interface CallRequest {
  readonly method: HttpRequest['method'];
  readonly path: string;
  /** Form fields, sent url-encoded. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  /** A JSON body, in place of a form. */
  readonly json?: unknown;
  readonly kind: CallKind;
  readonly signal: AbortSignal | undefined;
  /** Codes of the keys API that are answers to this call, and no errors. */
  readonly expect?: readonly number[] | undefined;
  /** HTTP statuses that are answers to this call, and no errors. */
  readonly expectStatus?: readonly number[] | undefined;
  /** Preferably not this endpoint. */
  readonly avoid?: Endpoint | undefined;
}

/** What the answer's headers tell of the history. */
export interface HistoryPoint {
  /** The store's index; `undefined` where the answer has none. */
  readonly index: Revision | undefined;
  /** The cluster's id, hexadecimal as etcd tells it. */
  readonly identity: string;
  /** Raft's term; errors don't tell it. */
  readonly raftTerm: number | undefined;
}

export interface Answer extends HistoryPoint {
  readonly status: number;
  readonly body: string;
  /** Set where the server refused with one of the codes that the call expects. */
  readonly refused: V2ErrorBody | undefined;
  readonly endpoint: Endpoint;
}

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
  #lastSeen: Answer | undefined;

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
  get lastSeen(): Answer | undefined {
    return this.#lastSeen;
  }

  /**
   * One request and its answer.
   *
   * @throws StoreError, with an outcome where it is a write.
   */
  async call(request: CallRequest): Promise<Answer> {
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
   * One request to this endpoint alone, tried once.
   *
   * @throws StoreError
   */
  async callAt(endpoint: Endpoint, request: CallRequest): Promise<Answer> {
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
    const exchange = endpoint.start(this.#request({ method: 'GET', path }, header), {
      onHead: (head) => {
        if (head.status === 200) handlers.onWaiting(pointOf(head));
      },
      onDone: (response) => {
        if (response.status === 200) handlers.onAnswer(pointOf(response), response.body);
        else handlers.onFail(toStoreError(response, 'read', endpoint.name), header);
      },
      onFail: (error, sent) => {
        if (!isStoreError(error)) endpoint.markUnhealthy();
        handlers.onFail(isStoreError(error) ? error : toConnectionError(error, 'read', endpoint.name, sent), header);
      },
    });
    return {
      abort: () => {
        endpoint.abort(exchange, POLL_OVER);
      },
    };
  }

  /** After a poll was refused with `used`: whether another user is worth trying. */
  renewCredentials(used: string | undefined): Promise<boolean> {
    return this.#credentials.renew(used);
  }

  /** Takes the members' addresses from the cluster. @returns every endpoint that is used from now on. */
  async refreshEndpoints(signal: AbortSignal | undefined): Promise<readonly string[]> {
    const { body } = await this.call({ method: 'GET', path: '/v2/members', kind: 'read', signal });
    const { members } = parseJson<{ members: readonly { clientURLs?: readonly string[] }[] }>(body);
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

  async #attempt(endpoint: Endpoint, request: CallRequest): Promise<Answer | Failed> {
    const { kind, signal, expect = [], expectStatus = [] } = request;
    const header = this.#credentials.known
      ? this.#credentials.current
      : await beforeSent(kind, this.#credentials.header());
    if (this.#closed !== undefined) throw notSent(this.#closed, kind);
    if (isAborted(signal)) throw notSent(signal?.reason as StoreError, kind);
    const ended = await this.#exchange(endpoint, this.#request(request, header), signal);
    if ('error' in ended) {
      const { error, sent } = ended;
      if (isStoreError(error)) {
        // The caller gave up, the store closed, or the server is silent: only the last is for another attempt.
        const told = kind === 'write' ? withOutcome(error, sent ? 'unknown' : 'not-applied') : error;
        if (!error.retryable || isAborted(signal)) throw told;
        const outcome = sent ? 'unknown' : 'not-applied';
        return { error: told, header, reached: sent, meaning: { code: error.code, retryable: true, outcome } };
      }
      return {
        error: toConnectionError(error, kind, endpoint.name, sent),
        meaning: connectionMeaning(error, sent),
        reached: sent,
        header,
      };
    }
    const { response } = ended;
    const own = response.status < 300 ? undefined : parseV2Error(response);
    const expected =
      own === undefined
        ? response.status < 300 || expectStatus.includes(response.status)
        : expect.includes(own.errorCode);
    if (expected) {
      this.#endpoints.settleOn(endpoint);
      const answer = { ...pointOf(response), status: response.status, body: response.body, refused: own, endpoint };
      if (answer.index !== undefined) this.#lastSeen = { ...answer, body: '' };
      return answer;
    }
    return {
      error: toStoreError(response, kind, endpoint.name),
      meaning: meaningOf(response),
      reached: true,
      header,
    };
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
    { method, path, form, json }: Pick<CallRequest, 'method' | 'path' | 'form' | 'json'>,
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

export interface PollHandlers {
  /** The server has taken the request; its answer may be there already, or come in a year. */
  onWaiting(point: HistoryPoint): void;
  onAnswer(point: HistoryPoint, body: string): void;
  /** `header`: the credentials that the request had. */
  onFail(error: StoreError, header: string | undefined): void;
}

export interface Poll {
  abort(): void;
}

const POLL_OVER = new StoreError('aborted', 'the poll is not needed any more');

function pointOf({ headers }: ResponseHead): HistoryPoint {
  const index = one(headers['x-etcd-index']);
  const raftTerm = one(headers['x-raft-term']);
  return {
    index: index === undefined || index === '0' ? undefined : toIndex(index),
    identity: one(headers['x-etcd-cluster-id']) ?? '',
    raftTerm: raftTerm === undefined ? undefined : Number(raftTerm),
  };
}

// A function, since TypeScript takes a signal that was looked at once for the same ever after.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
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
