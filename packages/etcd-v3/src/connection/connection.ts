import { status as grpcStatus, type Metadata } from '@grpc/grpc-js';
import { isStoreError, messageOf, StoreError, type KeyRange } from '@holdfast/store';
import type { IAuthenticateRequest, IAuthenticateResponse } from 'etcd3';
import { IdentityCensus, parseEndpoint } from '@holdfast/etcd-common';
import { Admission } from './admission.js';
import { askIdentity, type AskedRange } from './ask-identity.js';
import type { Accept, Answer, Attempted, UnaryOptions } from './attempt.js';
import { abortable, Authenticator, type Caller } from './authenticator.js';
import { answerPoint } from '../protobuf/answer-point.js';
import { badAnswer } from '../protobuf/bad-answer.js';
import { checkHeader, decodeHeader, rangeBounds } from '../protobuf/range.js';
import { Endpoints, type Reached } from './endpoints.js';
import { meaningOf, toStoreError, type GrpcFailure } from '../errors.js';
import { CLOSED, type EtcdChannel } from './etcd-channel.js';
import type { ResolvedOptions } from '../options.js';
import { readServedVersions, type ServedVersions } from './http-version.js';
import { probe } from './probe.js';
import { Retrying } from './retrying.js';
import { AUTHENTICATE, MEMBER_HEADER, RANGE, STATUS, WATCH, type Rpc, type StreamRpc } from './rpc.js';
import { StreamCall, type StreamHandlers } from './stream-call.js';
import type { LinearizableHead, WatchCall, WatchCallHandlers, WatchTransport } from './transport.js';
import { isOwnDenial, versionEvidence, type VersionEvidence } from './version-evidence.js';

const SERVER_ENDED: GrpcFailure = { code: grpcStatus.UNAVAILABLE, details: 'the server ended the stream' };
const EMPTY: GrpcFailure = { code: grpcStatus.INTERNAL, details: 'an empty answer' };

/** The most that a store waits at its beginning for endpoints that do not answer, in milliseconds. */
const START_MS = 1_000;
/** A call that was given up after so long without an answer, in milliseconds, speaks against its member. */
const SUSPICIOUS_MS = 500;

/**
 * All calls to the cluster: over which connection they go, with which token, and what their answers tell of the cluster.
 * Whether a failed one is tried again is {@link Retrying}'s.
 */
export class Connection implements WatchTransport {
  readonly #options: ResolvedOptions;
  readonly #endpoints: Endpoints;
  readonly #authenticator: Authenticator;
  readonly #retrying: Retrying;
  readonly #census: IdentityCensus;
  readonly #admission: Admission;
  readonly #closing = new AbortController();
  readonly #streams = new Set<StreamCall>();
  /** The highest revision that any answer told: members that don't know it lag behind. */
  #revision = 0;

  constructor(options: ResolvedOptions) {
    const { clock, random, logger, identity, connectMs } = options;
    this.#options = options;
    this.#authenticator = new Authenticator({ ...options, authenticate: (request) => this.#authenticate(request) });
    this.#endpoints = new Endpoints(options.endpoints, {
      ...options,
      admit: (endpoint, channel) => this.#admission.admit(endpoint, channel, this.#authenticator.latest.metadata),
    });
    this.#retrying = new Retrying(this.#endpoints, this.#authenticator, {
      ...options,
      exists: (revision) => revision <= this.#revision,
    });
    this.#census = new IdentityCensus({
      clock,
      random,
      logger,
      ...identity,
      startMs: Math.min(START_MS, connectMs / 3),
      endpoints: () => this.endpoints,
      probe: (endpoint, signal) => this.#probe(endpoint, signal),
    });
    this.#census.identity.onChange((known, before) => {
      if (before === undefined) return;
      this.#revision = 0;
      this.#endpoints.refuseAllBut(known);
    });
    this.#admission = new Admission(this.#census);
  }

  get identity(): string | undefined {
    return this.#census.identity.known;
  }

  /**
   * One request, and what `accept` makes of its answer. An answer that is not accepted is a failed attempt.
   *
   * @throws StoreError, with an outcome where it is a write.
   */
  async unary<Request, Response, T>(
    rpc: Rpc<Request, Response>,
    request: Request,
    options: UnaryOptions,
    accept: Accept<Response, T>,
  ): Promise<Answer<T>> {
    return this.#retrying.run(options, async (reached) =>
      accepted(await this.#attempt(reached, rpc, request, options.signal), accept),
    );
  }

  /** One request on a stream, and the first answer that `pick` wants; the stream is then cancelled. */
  async exchange<Request, Response, T>(
    rpc: Rpc<Request, Response>,
    request: Request,
    pick: (response: Response) => T | undefined,
    options: UnaryOptions,
  ): Promise<Answer<T>> {
    const { signal } = options;
    return this.#retrying.run<T>(options, async (reached) => {
      const begun = await this.#begin(reached, request, signal);
      if ('status' in begun) return begun;
      const { caller } = begun;
      if (reached.channel.isClosed) return notSent(caller);
      const { requestSerialize, responseDeserialize } = reached.channel.definition(rpc);
      return new Promise<Attempted<T>>((resolve) => {
        const settle = (end: Attempted<T>): void => {
          signal?.removeEventListener('abort', onAbort);
          stream.cancel();
          resolve(end);
        };
        const onAbort = this.#onAbort(reached, signal, settle);
        const onMessage = (bytes: Buffer): void => {
          try {
            const response = pick(responseDeserialize(bytes));
            if (response !== undefined) settle({ status: 'answered', response });
          } catch (error) {
            settle(notAccepted(error));
          }
        };
        const handlers = {
          onMessage,
          onEnd: () => undefined,
          onForeign: (error: StoreError) => {
            settle({ status: 'foreign', error, sent: true });
          },
        };
        const headers = headersFor(reached.channel, rpc, request);
        const stream = this.#open(reached, rpc, handlers, caller, headers, (failure) => {
          settle({ status: 'failed', failure, caller, sent: true });
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
    const opened = await this.#retrying.run<StreamCall>({ ...options, kind: 'read' }, async (reached) => {
      const begun = await this.#begin(reached, {}, options.signal);
      if ('status' in begun) return begun;
      if (reached.channel.isClosed) return notSent(begun.caller);
      // Without `hasleader`, a member that is cut off from the others lets its watches wait in silence.
      const response = this.#open(reached, WATCH, handlers, begun.caller, { hasleader: 'true' });
      return { status: 'answered', response };
    });
    return opened.response;
  }

  #open(
    reached: Reached,
    rpc: StreamRpc,
    handlers: StreamHandlers & { readonly onForeign?: (error: StoreError) => void },
    caller: Caller,
    headers: Readonly<Record<string, string>>,
    onFailure?: (failure: GrpcFailure) => void,
  ): StreamCall {
    const { endpoint, channel } = reached;
    const begin = {
      call: channel.stream(rpc),
      isPossible: () => !channel.isClosed,
      // One that is cancelled here too: what is kept of a call is several kilobytes.
      onOver: (over: StreamCall) => this.#streams.delete(over),
    };
    const checking: StreamHandlers = {
      onMessage: (message) => {
        const refusal = this.#refusalOf(reached, message);
        if (refusal === undefined) {
          handlers.onMessage(message);
          return;
        }
        stream.cancel();
        handlers.onForeign?.(refusal);
        handlers.onEnd(refusal);
      },
      onEnd: (error) => {
        handlers.onEnd(error);
      },
    };
    const metadata = withHeaders(caller.metadata, headers);
    const stream = new StreamCall(begin, endpoint.name, metadata, checking, (status) => {
      const failure = status.code === grpcStatus.OK ? SERVER_ENDED : status;
      onFailure?.(failure);
      return this.#streamError(failure, reached, caller);
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Why a message of a stream must not be used: it is another cluster's. The connection is given up then. */
  #refusalOf({ endpoint, channel }: Reached, message: Buffer): StoreError | undefined {
    const point = answerPoint(message);
    if (point === undefined) return undefined;
    const refusal = this.#admission.heard(endpoint.name, channel, point.clusterId);
    if (refusal === undefined) this.#noteRevision(point.revision);
    else endpoint.refuse(channel);
    return refusal;
  }

  async linearizableHead(
    range: KeyRange,
    options: { readonly avoid?: string | undefined; readonly signal: AbortSignal },
  ): Promise<LinearizableHead> {
    const request = { ...rangeBounds(range), limit: 1, keys_only: true };
    const { response, endpoint } = await this.unary(RANGE, request, { kind: 'read', ...options }, (bytes) =>
      checkHeader(decodeHeader(bytes)),
    );
    return { ...response, endpoint };
  }

  async versionOf(endpoint: string, memberId: string, signal: AbortSignal): Promise<VersionEvidence | undefined> {
    return versionEvidence(memberId, {
      status: async () => {
        const asked = await this.#askOnce(endpoint, STATUS, signal);
        if (asked?.status === 'failed') return isOwnDenial(asked.failure) ? 'refused' : undefined;
        const response = asked?.status === 'answered' ? asked.response : undefined;
        return response && { version: response.version, memberId: response.header.member_id };
      },
      member: async () => {
        const asked = await this.#askOnce(endpoint, MEMBER_HEADER, signal);
        return asked?.status === 'answered' ? answerPoint(asked.response)?.memberId : undefined;
      },
      served: () => this.servedVersions(endpoint, signal),
    });
  }

  /** One attempt over the connection that is there, and another one with a new token. No failure of it counts against the endpoint. */
  async #askOnce<Response>(
    name: string,
    rpc: Rpc<object, Response>,
    signal: AbortSignal,
  ): Promise<Attempted<Response> | undefined> {
    for (let renewed = false; ; renewed = true) {
      const endpoint = this.#endpoints.find(name);
      const channel = endpoint?.ready;
      if (endpoint === undefined || channel === undefined) return undefined;
      const asked = await this.#attempt({ endpoint, channel }, rpc, {}, signal);
      if (renewed || asked.status !== 'failed' || meaningOf(asked.failure).renewToken !== true) return asked;
      this.#authenticator.drop(asked.caller);
    }
  }

  /** What `GET /version` says behind an endpoint; `undefined` if nobody answers it as etcd does. */
  async servedVersions(endpoint: string, signal: AbortSignal | undefined): Promise<ServedVersions | undefined> {
    const address = this.#endpoints.find(endpoint)?.address;
    if (address === undefined) return undefined;
    const { security, headers, clock, connectMs: timeoutMs } = this.#options;
    const { signal: closing } = this.#closing;
    const ends = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    return readServedVersions({ address, security, headers, clock, timeoutMs, signal: ends });
  }

  refreshToken(): void {
    this.#authenticator.drop();
  }

  markUnhealthy(name: string, cause: StoreError): void {
    const endpoint = this.#endpoints.find(name);
    if (endpoint !== undefined) this.#retrying.markUnhealthy({ endpoint }, cause);
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

  /** Ends all calls. No socket, timer or stream is left. */
  close(): void {
    this.#closing.abort(new StoreError('closed', 'the store is closed'));
    this.#census.close();
    for (const stream of this.#streams) stream.cancel();
    this.#streams.clear();
    this.#endpoints.close();
  }

  async #attempt<Request, Response>(
    reached: Reached,
    rpc: Rpc<Request, Response>,
    request: Request,
    signal: AbortSignal | undefined,
  ): Promise<Attempted<Response>> {
    const begun = await this.#begin(reached, request, signal);
    return 'status' in begun ? begun : this.#send<Request, Response>(reached, { rpc, request, ...begun }, signal);
  }

  /** What comes before a call is sent: its user, and the proof that the connection reaches the store's own cluster. */
  async #begin(
    reached: Reached,
    request: unknown,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly caller: Caller } | Exclude<Attempted<never>, { status: 'answered' }>> {
    const { endpoint, channel } = reached;
    let caller: Caller;
    try {
      caller = await this.#authenticator.caller(signal);
      signal?.throwIfAborted();
      if (channel.identity !== undefined) return { caller };
    } catch (error) {
      return { status: 'over', error: error as StoreError, sent: false };
    }
    try {
      const showing = this.#admission.show(endpoint.name, channel, caller.metadata, rangeOf(request));
      const failure = await abortable(showing, signal);
      if (failure === undefined) return { caller };
      const { renewToken, retryable } = meaningOf(failure);
      // Without a user, what the call itself is told is as good.
      if (renewToken === true ? this.#authenticator.hasUser : retryable) {
        return { status: 'failed', failure, caller, sent: false };
      }
      this.#admission.accept(channel);
      return { caller };
    } catch (error) {
      if (signal?.aborted === true) return { status: 'over', error: error as StoreError, sent: false };
      endpoint.refuse(channel);
      return { status: 'foreign', error: error as StoreError, sent: false };
    }
  }

  #send<Request, Response>(
    reached: Reached,
    {
      rpc,
      request,
      caller,
    }: { readonly rpc: Rpc<Request, Response>; readonly request: Request; readonly caller: Caller },
    signal: AbortSignal | undefined,
  ): Promise<Attempted<Response>> {
    const { channel } = reached;
    // Another call may have given it up since this one got it. gRPC throws then.
    if (channel.isClosed) return Promise.resolve(notSent(caller));
    return new Promise((resolve) => {
      const onAbort = this.#onAbort<Response>(reached, signal, (end) => {
        call.cancel();
        resolve(end);
      });
      const metadata = withHeaders(caller.metadata, headersFor(channel, rpc, request));
      const call = channel.unary<Request, Response>(rpc, request, metadata, (failure, response) => {
        signal?.removeEventListener('abort', onAbort);
        if (failure === null && metadata !== caller.metadata) channel.isDoubtful = false;
        if (failure !== null || response === undefined) {
          resolve({ status: 'failed', failure: failure ?? EMPTY, caller, sent: true });
          return;
        }
        try {
          resolve(this.#checked<Response>(reached, response));
        } catch (error) {
          // Thrown on, it would end in gRPC, and the call never.
          resolve(notAccepted(error));
        }
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** An answer, unless it is another cluster's: the connection is given up then. */
  #checked<Response>(reached: Reached, response: Response): Attempted<Response> | Promise<Attempted<Response>> {
    const answered: Attempted<Response> = { status: 'answered', response };
    const point = answerPoint(response);
    if (point === undefined) return answered;
    const { endpoint, channel } = reached;
    const foreign = (error: unknown): Attempted<Response> => {
      endpoint.refuse(channel);
      return { status: 'foreign', error: error as StoreError, sent: true };
    };
    if (channel.identity === undefined) {
      return this.#admission.told(endpoint.name, channel, point.clusterId).then(() => answered, foreign);
    }
    const refusal = this.#admission.heard(endpoint.name, channel, point.clusterId);
    if (refusal !== undefined) return foreign(refusal);
    this.#noteRevision(point.revision);
    return answered;
  }

  /** What ends a call that its caller gives up. If it waited long for an answer, its member may be cut off. */
  #onAbort<Response>(
    reached: Reached,
    signal: AbortSignal | undefined,
    end: (attempted: Attempted<Response>) => void,
  ): () => void {
    const { clock } = this.#options;
    const began = clock.now();
    return () => {
      const error = signal?.reason as StoreError;
      if (isStoreError(error, 'timeout') && clock.now() - began >= SUSPICIOUS_MS) {
        this.#retrying.markUnhealthy(reached, error);
      }
      end({ status: 'over', error, sent: true });
    };
  }

  #streamError(failure: GrpcFailure, reached: Reached, caller: Caller): StoreError {
    const meaning = meaningOf(failure);
    const error = toStoreError(failure, 'read', reached.endpoint.name);
    if (meaning.staleToken === true) this.#authenticator.dropStale(caller);
    else if (meaning.renewToken === true) this.#authenticator.drop(caller);
    if (meaning.unhealthy === true) this.#retrying.markUnhealthy(reached, error);
    return error;
  }

  async #authenticate(request: IAuthenticateRequest): Promise<string | undefined> {
    const { signal } = this.#closing;
    const caller = this.#authenticator.anonymous;
    try {
      const { response } = await this.#retrying.run({ kind: 'read', signal }, async (reached) => {
        const result = await this.#send(reached, { rpc: AUTHENTICATE, request, caller }, signal);
        return accepted(this.#asStranger(reached, result), tokenOf);
      });
      return response;
    } catch (error) {
      // Calls without a token work there, so that authentication can be turned on later.
      if (isStoreError(error, 'unsupported')) return undefined;
      throw error;
    }
  }

  /** A member that does not know the user, and has not shown which cluster it belongs to, is not the only one to ask. */
  #asStranger<T>({ endpoint, channel }: Reached, result: Attempted<T>): Attempted<T> {
    if (result.status !== 'failed' || channel.identity !== undefined || this.endpoints.length === 1) return result;
    const error = toStoreError(result.failure, 'read', endpoint.name);
    return error.code === 'unauthenticated' ? { status: 'foreign', error, sent: false } : result;
  }

  #noteRevision(revision: number): void {
    if (revision > this.#revision) this.#revision = revision;
  }

  /** Asks an endpoint over a connection of its own; `undefined` where it does not tell. */
  async #probe(name: string, signal: AbortSignal): Promise<string | undefined> {
    const endpoint = this.#endpoints.find(name);
    if (endpoint === undefined) return undefined;
    return probe(endpoint.address, this.#options, (channel) => this.#askProbe(channel), signal);
  }

  /** A server that wants a user first, and does not know this store's token, tells its cluster when it gives one. */
  async #askProbe(channel: EtcdChannel): Promise<string | undefined> {
    const shown = await askIdentity(channel, this.#authenticator.latest.metadata);
    if (shown.status === 'told') return shown.identity;
    const { refusal } = shown.status === 'untold' ? shown : { refusal: shown.failure };
    if (refusal === undefined || meaningOf(refusal).renewToken !== true) return undefined;
    const request = await this.#authenticator.credentials();
    if (request === undefined) return undefined;
    return new Promise((resolve) => {
      channel.unary(AUTHENTICATE, request, this.#authenticator.anonymous.metadata, (_failure, response) => {
        resolve(answerPoint(response)?.clusterId);
      });
    });
  }
}

/** The connection is closed: nothing was sent, and another one may be had. */
function notSent(caller: Caller): Attempted<never> {
  return { status: 'failed', failure: CLOSED, caller, sent: false };
}

/** Calls that need a leader say so where the connection is a second choice: see {@link EtcdChannel.isDoubtful}. */
function headersFor(channel: EtcdChannel, { service }: StreamRpc, request: unknown): Readonly<Record<string, string>> {
  if (!channel.isDoubtful || service === 'Maintenance' || service === 'Cluster') return NO_HEADERS;
  const { serializable } = request as { readonly serializable?: boolean };
  return serializable === true ? NO_HEADERS : HAS_LEADER;
}

const NO_HEADERS: Readonly<Record<string, string>> = {};
const HAS_LEADER: Readonly<Record<string, string>> = { hasleader: 'true' };

function withHeaders(metadata: Metadata, headers: Readonly<Record<string, string>>): Metadata {
  if (headers === NO_HEADERS) return metadata;
  const own = metadata.clone();
  for (const [name, value] of Object.entries(headers)) own.set(name, value);
  return own;
}

/** The range of a request that is about one. */
function rangeOf(request: unknown): AskedRange | undefined {
  const { key, range_end: end } = request as { readonly key?: unknown; readonly range_end?: unknown };
  if (!Buffer.isBuffer(key)) return undefined;
  return Buffer.isBuffer(end) ? { key, range_end: end } : { key };
}

function tokenOf({ token }: IAuthenticateResponse): string {
  if (token === '') throw badAnswer('etcd sent an empty token');
  return token;
}

async function accepted<Response, T>(
  attempted: Attempted<Response>,
  accept: Accept<Response, T>,
): Promise<Attempted<T>> {
  if (attempted.status !== 'answered') return attempted;
  try {
    return { status: 'answered', response: await accept(attempted.response) };
  } catch (error) {
    return notAccepted(error);
  }
}

/** Whatever is thrown over an answer ends the attempt: what the answer says for good, or that it is no good. */
function notAccepted(thrown: unknown): Exclude<Attempted<never>, { status: 'answered' }> {
  if (isStoreError(thrown) && thrown.code !== 'internal') return { status: 'over', error: thrown, sent: true };
  if (isStoreError(thrown)) return { status: 'unusable', error: thrown };
  return { status: 'unusable', error: badAnswer(`etcd sent an answer that can't be used (${messageOf(thrown)})`) };
}
