import { status as grpcStatus } from '@grpc/grpc-js';
import { Backoff, isStoreError, messageOf, sleep, StoreError, withOutcome, type KeyRange } from '@holdfast/store';
import type { IAuthenticateRequest } from 'etcd3';
import { Authenticator, type Caller } from './authenticator.js';
import { decodeHeader, rangeBounds, type ResponseHeader } from '../protobuf/range.js';
import { parseEndpoint } from '@holdfast/etcd-common';
import type { Endpoint } from './endpoint.js';
import { Endpoints, type Reached } from './endpoints.js';
import { meaningOf, toStoreError, type CallKind, type GrpcFailure } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import { judge } from './retry.js';
import { AUTHENTICATE, RANGE, WATCH, type Rpc, type StreamRpc } from './rpc.js';
import { StreamCall, type StreamHandlers } from './stream-call.js';
import type { LinearizableHead, WatchCall, WatchCallHandlers, WatchTransport } from './transport.js';

export interface CallTarget {
  readonly signal: AbortSignal | undefined;
  /** Only this endpoint. */
  readonly endpoint?: string | undefined;
  /** Preferably not this one. */
  readonly avoid?: string | undefined;
}

export interface UnaryOptions extends CallTarget {
  readonly kind: CallKind;
}

export interface Answer<Response> {
  readonly response: Response;
  readonly endpoint: string;
}

/** One attempt's end: an answer, gRPC's failure, or an error that no further attempt can change. */
type Attempted<Response> =
  | { readonly status: 'answered'; readonly response: Response }
  | { readonly status: 'failed'; readonly failure: GrpcFailure; readonly caller: Caller }
  | { readonly status: 'over'; readonly error: StoreError; readonly sent: boolean };

const SERVER_ENDED: GrpcFailure = { code: grpcStatus.UNAVAILABLE, details: 'the server ended the stream' };

/**
 * All calls to the cluster: which endpoint they go to, with which token, and whether a failed one is tried again. Reads
 * are; a write only where it was certainly not applied (C7).
 */
export class Connection implements WatchTransport {
  readonly #options: ResolvedOptions;
  readonly #endpoints: Endpoints;
  readonly #authenticator: Authenticator;
  readonly #closing = new AbortController();
  readonly #streams = new Set<StreamCall>();
  #seen: { readonly identity: string; readonly raftTerm: number } | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#endpoints = new Endpoints(options.endpoints, options);
    this.#authenticator = new Authenticator({ ...options, authenticate: (request) => this.#authenticate(request) });
  }

  get identity(): string | undefined {
    return this.#seen?.identity;
  }

  /** The highest raft term that a linearizable answer of this identity carried; a lower one later is another history (C13). */
  get raftTerm(): number {
    return this.#seen?.raftTerm ?? 0;
  }

  /** One request and its answer. @throws StoreError, with an outcome where it is a write. */
  async unary<Request, Response>(
    rpc: Rpc<Request, Response>,
    request: Request,
    options: UnaryOptions,
  ): Promise<Answer<Response>> {
    return this.#retrying(options, (reached) => this.#attempt(reached, rpc, request, options.signal));
  }

  /** One request on a stream, and the first answer that `pick` wants; the stream is then cancelled. */
  async exchange<Request, Response, T>(
    rpc: Rpc<Request, Response>,
    request: Request,
    pick: (response: Response) => T | undefined,
    options: UnaryOptions,
  ): Promise<Answer<T>> {
    const { signal } = options;
    return this.#retrying<T>(options, async (reached) => {
      const caller = await this.#authenticator.caller(signal);
      const { requestSerialize, responseDeserialize } = reached.channel.definition(rpc);
      return new Promise<Attempted<T>>((resolve) => {
        const settle = (end: Attempted<T>): void => {
          signal?.removeEventListener('abort', onAbort);
          stream.cancel();
          resolve(end);
        };
        const onAbort = (): void => {
          settle({ status: 'over', error: signal?.reason as StoreError, sent: true });
        };
        const onMessage = (bytes: Buffer): void => {
          try {
            const response = pick(responseDeserialize(bytes));
            if (response !== undefined) settle({ status: 'answered', response });
          } catch (error) {
            settle({ status: 'over', error: undecodable(error), sent: true });
          }
        };
        const stream = this.#open(reached, rpc, { onMessage, onEnd: () => undefined }, caller, {}, (failure) => {
          settle({ status: 'failed', failure, caller });
        });
        signal?.addEventListener('abort', onAbort, { once: true });
        stream.write(requestSerialize(request));
      });
    });
  }

  async openWatchCall(
    handlers: WatchCallHandlers,
    options: { readonly avoid?: string | undefined; readonly signal: AbortSignal },
  ): Promise<WatchCall> {
    const opened = await this.#retrying<StreamCall>({ ...options, kind: 'read' }, async (reached) => {
      const caller = await this.#authenticator.caller(options.signal);
      // Without `hasleader`, a member that is cut off from the others lets its watches wait in silence.
      const response = this.#open(reached, WATCH, handlers, caller, { hasleader: 'true' });
      return { status: 'answered', response };
    });
    return opened.response;
  }

  #open(
    { endpoint, channel }: Reached,
    rpc: StreamRpc,
    handlers: StreamHandlers,
    caller: Caller,
    headers: Readonly<Record<string, string>>,
    onFailure?: (failure: GrpcFailure) => void,
  ): StreamCall {
    const metadata = caller.metadata.clone();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const begin = {
      call: channel.stream(rpc),
      isPossible: () => !channel.isClosed,
      // One that is cancelled here too: what is kept of a call is several kilobytes.
      onOver: (over: StreamCall) => this.#streams.delete(over),
    };
    const stream = new StreamCall(begin, endpoint.name, metadata, handlers, (status) => {
      const failure = status.code === grpcStatus.OK ? SERVER_ENDED : status;
      onFailure?.(failure);
      return this.#streamError(failure, endpoint, caller);
    });
    this.#streams.add(stream);
    return stream;
  }

  async linearizableHead(
    range: KeyRange,
    options: { readonly avoid?: string | undefined; readonly signal: AbortSignal },
  ): Promise<LinearizableHead> {
    const request = { ...rangeBounds(range), limit: 1, keys_only: true };
    const { response, endpoint } = await this.unary(RANGE, request, { kind: 'read', ...options });
    const header = decodeHeader(response);
    this.observe(header);
    return { ...header, endpoint };
  }

  async serverVersion(endpoint: string): Promise<string | undefined> {
    return this.#endpoints.find(endpoint)?.ready?.version(this.#authenticator.anonymous.metadata);
  }

  refreshToken(): void {
    this.#authenticator.drop();
  }

  markUnhealthy(endpoint: string, cause: StoreError): void {
    this.#options.logger.warn(`etcd endpoint ${endpoint} failed; others are preferred for a while`, {
      endpoint,
      cause,
    });
    this.#endpoints.find(endpoint)?.markUnhealthy();
  }

  onConnected(listener: () => void): void {
    this.#endpoints.onConnected(listener);
  }

  /** The names of all endpoints: their URLs, without credentials. */
  get endpoints(): readonly string[] {
    return this.#endpoints.all.map(({ name }) => name);
  }

  /** Uses members' client URLs as endpoints too. Those that are unlike the ones given, or make no sense here, are left out. */
  addEndpoints(urls: readonly string[]): readonly string[] {
    const secure = this.#options.endpoints.some((address) => address.secure);
    const addresses = urls.flatMap((url) => {
      try {
        return [parseEndpoint(url)];
      } catch {
        return []; // Such as an advertised `unixs:` socket: nothing that this store could use.
      }
    });
    this.#endpoints.add(addresses.filter((address) => address.secure === secure));
    return this.endpoints;
  }

  /** Takes note of what a linearizable answer says of the cluster. */
  observe({ clusterId, raftTerm }: ResponseHeader): void {
    const known = this.#seen?.identity === clusterId ? this.#seen.raftTerm : 0;
    if (this.#seen?.identity !== clusterId || raftTerm > known) {
      this.#seen = { identity: clusterId, raftTerm: Math.max(known, raftTerm) };
    }
  }

  /** Ends all calls. No socket, timer or stream is left. */
  close(): void {
    this.#closing.abort(new StoreError('closed', 'the store is closed'));
    for (const stream of this.#streams) stream.cancel();
    this.#streams.clear();
    this.#endpoints.close();
  }

  async #retrying<Response>(
    { kind, signal, endpoint: only, avoid }: UnaryOptions,
    attempt: (reached: Reached) => Promise<Attempted<Response>>,
  ): Promise<Answer<Response>> {
    const { retry, random, clock, logger } = this.#options;
    const among = only === undefined ? this.#endpoints.all : this.#endpoints.all.filter(({ name }) => name === only);
    const backoff = new Backoff({ ...retry, random });
    const tried = new Set(avoid === undefined ? [] : [avoid]);
    let renewed = this.#authenticator.hasUser ? false : undefined;
    let last: StoreError | undefined;
    for (let made = 1; ; made += 1) {
      const reached = await this.#reach(among, tried, signal, kind, last);
      const { endpoint } = reached;
      const result = await attempt(reached);
      if (result.status === 'answered') {
        endpoint.markHealthy();
        return { response: result.response, endpoint: endpoint.name };
      }
      if (result.status === 'over') {
        throw kind === 'read' ? result.error : withOutcome(result.error, result.sent ? 'unknown' : 'not-applied');
      }
      const meaning = meaningOf(result.failure);
      last = toStoreError(result.failure, kind, endpoint.name);
      if (meaning.unhealthy === true) this.markUnhealthy(endpoint.name, last);
      tried.add(endpoint.name);
      const others = among.some((other) => other.healthy && !tried.has(other.name));
      switch (judge(meaning, kind, { made, most: retry.attempts, renewed, others })) {
        case 'fail':
          throw last;
        case 'renew-token':
          renewed = true;
          this.#authenticator.drop(result.caller);
          tried.delete(endpoint.name);
          break;
        case 'elsewhere':
          break;
        case 'later':
          tried.clear();
          await notSent(kind, sleep(clock, backoff.next(), signal));
      }
      logger.debug('an etcd call is tried again', { endpoint: endpoint.name, error: last });
    }
  }

  async #reach(
    among: readonly Endpoint[],
    tried: ReadonlySet<string>,
    signal: AbortSignal | undefined,
    kind: CallKind,
    last: StoreError | undefined,
  ): Promise<Reached> {
    try {
      return await notSent(kind, this.#endpoints.acquire({ avoid: tried, among, signal }));
    } catch (error) {
      // That others can't be asked does not change what the first one said.
      if (last?.code === 'future-revision' && isStoreError(error, 'unavailable')) throw last;
      throw error;
    }
  }

  async #attempt<Request, Response>(
    { channel }: Reached,
    rpc: Rpc<Request, Response>,
    request: Request,
    signal: AbortSignal | undefined,
  ): Promise<Attempted<Response>> {
    let caller: Caller;
    try {
      caller = await this.#authenticator.caller(signal);
      signal?.throwIfAborted();
    } catch (error) {
      return { status: 'over', error: error as StoreError, sent: false };
    }
    return this.#send({ rpc, request, caller }, channel, signal);
  }

  #send<Request, Response>(
    { rpc, request, caller }: { rpc: Rpc<Request, Response>; request: Request; caller: Caller },
    channel: Reached['channel'],
    signal: AbortSignal | undefined,
  ): Promise<Attempted<Response>> {
    return new Promise((resolve) => {
      const onAbort = (): void => {
        call.cancel();
        resolve({ status: 'over', error: signal?.reason as StoreError, sent: true });
      };
      const call = channel.unary(rpc, request, caller.metadata, (failure, response) => {
        signal?.removeEventListener('abort', onAbort);
        if (failure === null && response !== undefined) resolve({ status: 'answered', response });
        else
          resolve({
            status: 'failed',
            failure: failure ?? { code: grpcStatus.INTERNAL, details: 'an empty answer' },
            caller,
          });
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #streamError(failure: GrpcFailure, endpoint: Endpoint, caller: Caller): StoreError {
    const meaning = meaningOf(failure);
    const error = toStoreError(failure, 'read', endpoint.name);
    if (meaning.renewToken === true) this.#authenticator.drop(caller);
    if (meaning.unhealthy === true) this.markUnhealthy(endpoint.name, error);
    return error;
  }

  async #authenticate(request: IAuthenticateRequest): Promise<string | undefined> {
    const { signal } = this.#closing;
    const caller = this.#authenticator.anonymous;
    try {
      const { response } = await this.#retrying({ kind: 'read', signal }, ({ channel }) =>
        this.#send({ rpc: AUTHENTICATE, request, caller }, channel, signal),
      );
      return response.token;
    } catch (error) {
      // Calls without a token work there, so that authentication can be turned on later.
      if (isStoreError(error, 'unsupported')) return undefined;
      throw error;
    }
  }
}

/** Waits for something that comes before a request is sent: if that fails, a write was not applied. */
async function notSent<T>(kind: CallKind, waiting: Promise<T>): Promise<T> {
  try {
    return await waiting;
  } catch (error) {
    throw kind === 'write' ? withOutcomeOf(error, 'not-applied') : error;
  }
}

function withOutcomeOf(error: unknown, outcome: 'not-applied'): StoreError {
  return isStoreError(error)
    ? withOutcome(error, outcome)
    : new StoreError('internal', `a call failed before it was sent: ${messageOf(error)}`, { cause: error, outcome });
}

function undecodable(error: unknown): StoreError {
  return isStoreError(error)
    ? error
    : new StoreError('internal', 'etcd sent an answer that is not valid', { cause: error });
}
