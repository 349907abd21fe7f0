import { status as grpcStatus } from '@grpc/grpc-js';
import { isStoreError, type Clock, type StoreError } from '@holdfast/store';
import { abortable, addAbortListener, removeAbortListener } from '@holdfast/store/adapter';
import { meaningOf, toFailureError, type GrpcFailure } from '../errors.js';
import { answerPoint } from '../protobuf/answer-point.js';
import { chunkOf } from '../protobuf/range.js';
import { notAccepted } from './accept.js';
import type { Admission } from './admission.js';
import type { AskedRange } from './ask-identity.js';
import type { Attempted } from './attempt.js';
import type { Authenticator, Caller } from './authenticator.js';
import { headersFor, withHeaders } from './call-headers.js';
import type { Reached } from './endpoints.js';
import { missingDefinition } from './definitions.js';
import { CLOSED } from './etcd-channel.js';
import type { IRangeRequest } from 'etcd3';
import type { RangeCallHandlers } from './range-call.js';
import type { RawStreamHandlers } from './raw-stream.js';
import { RANGE, RANGE_STREAM, WATCH, type Rpc, type StreamRpc } from './rpc.js';
import { StreamCall, type StreamHandlers } from './stream-call.js';
import type { WatchCallHandlers } from './transport.js';

export interface CallsOptions {
  readonly clock: Clock;
  readonly authenticator: Authenticator;
  readonly admission: Admission;
  /** A member is in trouble, as a call over this connection has shown. */
  readonly onTrouble: (reached: Reached, cause: StoreError) => void;
  /** An answer of the store's own cluster told its head. */
  readonly onRevision: (revision: number) => void;
}

/** What a call is made with. */
export interface CallBegin<Request, Response> {
  readonly rpc: Rpc<Request, Response>;
  readonly request: Request;
  readonly caller: Caller;
}

/** How messages of a stream are used, and what its end means. */
interface Streaming extends StreamHandlers {
  /** A message is of another cluster. */
  readonly onForeign?: (error: StoreError) => void;
  /** etcd's answer where it is inside of the message, and not the message itself. */
  readonly answerOf?: (message: Buffer) => Buffer;
  /** How it ended, in gRPC's terms. */
  readonly onFailure?: (failure: GrpcFailure) => void;
  /** Its end says nothing of the member: it is not noted against it. */
  readonly isOptional?: boolean;
}

type Unanswered = Exclude<Attempted<never>, { status: 'answered' }>;

const SERVER_ENDED: GrpcFailure = { code: grpcStatus.UNAVAILABLE, details: 'the server ended the stream' };
const EMPTY: GrpcFailure = { code: grpcStatus.INTERNAL, details: 'an empty answer' };

/** A call that was given up after so long without an answer, in milliseconds, speaks against its member. */
const SUSPICIOUS_MS = 500;

/**
 * Calls over one connection, each tried once: with which token, and what their answers tell of the cluster. An answer of
 * another cluster than the store's is none, and the connection that brought it is given up.
 */
export class Calls {
  readonly #options: CallsOptions;
  readonly #streams = new Set<StreamCall>();

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** One request and its answer. */
  unary<Request, Response>(
    reached: Reached,
    rpc: Rpc<Request, Response>,
    request: Request,
    signal: AbortSignal | undefined,
  ): Promise<Attempted<Response>> {
    const caller = this.#callerAtOnce(reached, rpc, signal);
    if (caller !== undefined) return this.send<Request, Response>(reached, { rpc, request, caller }, signal);
    return this.#unary(reached, rpc, request, signal);
  }

  async #unary<Request, Response>(
    reached: Reached,
    rpc: Rpc<Request, Response>,
    request: Request,
    signal: AbortSignal | undefined,
  ): Promise<Attempted<Response>> {
    const begun = await this.#begin(reached, { rpc, request }, signal);
    return 'status' in begun ? begun : this.send<Request, Response>(reached, { rpc, request, ...begun }, signal);
  }

  /** One request on a stream, and the first answer that `pick` wants; the stream is then cancelled. */
  async exchange<Request, Response, T>(
    reached: Reached,
    { rpc, request }: { readonly rpc: Rpc<Request, Response>; readonly request: Request },
    pick: (response: Response) => T | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Attempted<T>> {
    const begun = await this.#begin(reached, { rpc, request }, signal);
    if ('status' in begun) return begun;
    const { caller } = begun;
    if (reached.channel.isClosed) return notSent(caller);
    const { requestSerialize } = reached.channel.definition(rpc);
    const decode = reached.channel.decoder(rpc);
    return new Promise<Attempted<T>>((resolve) => {
      const settle = (end: Attempted<T>): void => {
        removeAbortListener(signal, onAbort);
        stream.cancel();
        resolve(end);
      };
      const onAbort = this.#onAbort(reached, signal, settle);
      const onMessage = (bytes: Buffer): void => {
        try {
          const response = pick(decode(bytes));
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
        onFailure: (failure: GrpcFailure) => {
          settle({ status: 'failed', failure, caller, sent: true });
        },
      };
      const headers = headersFor(reached.channel, rpc, request);
      const stream = this.#open(reached, rpc, handlers, caller, headers);
      addAbortListener(signal, onAbort);
      stream.write(requestSerialize(request));
    });
  }

  /** A watch stream. The server has not answered anything by then. */
  async watch(reached: Reached, handlers: WatchCallHandlers, signal: AbortSignal): Promise<Attempted<StreamCall>> {
    const begun = await this.#begin(reached, { request: {} }, signal);
    if ('status' in begun) return begun;
    if (reached.channel.isClosed) return notSent(begun.caller);
    // Without `hasleader`, a member that is cut off from the others lets its watches wait in silence.
    const response = this.#open(reached, WATCH, handlers, begun.caller, { hasleader: 'true' });
    return { status: 'answered', response };
  }

  /** A range in chunks. Its failure is not noted against the member: the read that follows shows how that is. */
  async ranges(
    reached: Reached,
    request: IRangeRequest,
    handlers: RangeCallHandlers,
    signal: AbortSignal,
  ): Promise<Attempted<StreamCall>> {
    const begun = await this.#begin(reached, { request }, signal);
    if ('status' in begun) return begun;
    const { channel } = reached;
    if (channel.isClosed) return notSent(begun.caller);
    const headers = headersFor(channel, RANGE_STREAM, request);
    const streaming: Streaming = {
      ...handlers,
      answerOf: chunkOf,
      onEnd: () => undefined,
      onFailure: (failure) => {
        handlers.onEnd(failure === SERVER_ENDED ? { status: 'ended' } : { status: 'failed', failure });
      },
      onForeign: (error) => {
        handlers.onEnd({ status: 'foreign', error });
      },
      isOptional: true,
    };
    const stream = this.#open(reached, RANGE_STREAM, streaming, begun.caller, headers);
    stream.writeLast(channel.definition(RANGE).requestSerialize(request));
    return { status: 'answered', response: stream };
  }

  /** A request whose user is known, over a connection that need not have shown its cluster. */
  send<Request, Response>(
    reached: Reached,
    { rpc, request, caller }: CallBegin<Request, Response>,
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
        removeAbortListener(signal, onAbort);
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
      addAbortListener(signal, onAbort);
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
      return this.#options.admission.told(endpoint.name, channel, point.clusterId).then(() => answered, foreign);
    }
    const refusal = this.#options.admission.heard(endpoint.name, channel, point.clusterId);
    if (refusal !== undefined) return foreign(refusal);
    this.#options.onRevision(point.revision);
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
        this.#options.onTrouble(reached, error);
      }
      end({ status: 'over', error, sent: true });
    };
  }

  #streamError(failure: GrpcFailure, reached: Reached, caller: Caller): StoreError {
    const meaning = meaningOf(failure);
    const error = toFailureError(failure, 'read', reached.endpoint.name);
    if (meaning.staleToken === true) this.#options.authenticator.dropStale(caller);
    else if (meaning.renewToken === true) this.#options.authenticator.drop(caller);
    if (meaning.unhealthy === true) this.#options.onTrouble(reached, error);
    return error;
  }

  /** Ends all streams. */
  close(): void {
    for (const stream of this.#streams) stream.cancel();
    this.#streams.clear();
  }

  /** The user of a call before which nothing is to be waited for. */
  #callerAtOnce({ channel }: Reached, rpc: Rpc<never, unknown>, signal: AbortSignal | undefined): Caller | undefined {
    const { admission, authenticator } = this.#options;
    if (authenticator.hasUser || signal?.aborted === true || missingDefinition(rpc) !== undefined) return undefined;
    const { anonymous } = authenticator;
    return admission.has(channel, anonymous) ? anonymous : undefined;
  }

  /**
   * What comes before a call is sent: its method's definition, its user, and the proof that the connection reaches the store's
   * own cluster.
   */
  async #begin(
    reached: Reached,
    { rpc, request }: { readonly rpc?: Rpc<never, unknown>; readonly request: unknown },
    signal: AbortSignal | undefined,
  ): Promise<{ readonly caller: Caller } | Unanswered> {
    const { endpoint, channel } = reached;
    let caller: Caller;
    try {
      const missing = rpc && missingDefinition(rpc);
      if (missing !== undefined) await abortable(missing, signal);
      caller = await this.#options.authenticator.caller(signal);
      signal?.throwIfAborted();
      if (this.#options.admission.has(channel, caller)) return { caller };
    } catch (error) {
      return { status: 'over', error: error as StoreError, sent: false };
    }
    try {
      const showing = this.#options.admission.show(endpoint.name, channel, caller, rangeOf(request));
      const failure = await abortable(showing, signal);
      if (failure === undefined) return { caller };
      const { renewToken, retryable } = meaningOf(failure);
      // Without a user, what the call itself is told is as good.
      if (renewToken === true ? this.#options.authenticator.hasUser : retryable) {
        return { status: 'failed', failure, caller, sent: false };
      }
      this.#options.admission.accept(channel);
      return { caller };
    } catch (error) {
      if (signal?.aborted === true) return { status: 'over', error: error as StoreError, sent: false };
      endpoint.refuse(channel);
      return { status: 'foreign', error: error as StoreError, sent: false };
    }
  }

  #open(
    reached: Reached,
    rpc: StreamRpc,
    handlers: Streaming,
    caller: Caller,
    headers: Readonly<Record<string, string>>,
  ): StreamCall {
    const { endpoint, channel } = reached;
    const metadata = withHeaders(caller.metadata, headers);
    const begin = {
      open: (raw: RawStreamHandlers) => channel.stream(rpc, metadata, raw),
      isPossible: () => !channel.isClosed,
      // One that is cancelled here too: what is kept of a call is several kilobytes.
      onOver: (over: StreamCall) => this.#streams.delete(over),
    };
    let goesOn = false;
    const checking: StreamHandlers = {
      onMessage: (message, more) => {
        // The header is in the first part of a message.
        const refusal = goesOn ? undefined : this.#refusalOf(reached, handlers.answerOf?.(message) ?? message);
        goesOn = more;
        if (refusal === undefined) {
          handlers.onMessage(message, more);
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
    const stream = new StreamCall(begin, endpoint.name, checking, (status) => {
      const failure = status.code === grpcStatus.OK ? SERVER_ENDED : status;
      handlers.onFailure?.(failure);
      if (handlers.isOptional === true) return toFailureError(failure, 'read', endpoint.name);
      return this.#streamError(failure, reached, caller);
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Why a message of a stream must not be used: it is another cluster's. The connection is given up then. */
  #refusalOf({ endpoint, channel }: Reached, message: Buffer): StoreError | undefined {
    const point = answerPoint(message);
    if (point === undefined) return undefined;
    const refusal = this.#options.admission.heard(endpoint.name, channel, point.clusterId);
    if (refusal === undefined) this.#options.onRevision(point.revision);
    else endpoint.refuse(channel);
    return refusal;
  }
}

/** The connection is closed: nothing was sent, and another one may be had. */
function notSent(caller: Caller): Attempted<never> {
  return { status: 'failed', failure: CLOSED, caller, sent: false };
}

/** The range of a request that is about one. */
function rangeOf(request: unknown): AskedRange | undefined {
  const { key, range_end: end } = request as { readonly key?: unknown; readonly range_end?: unknown };
  if (!Buffer.isBuffer(key)) return undefined;
  return Buffer.isBuffer(end) ? { key, range_end: end } : { key };
}
