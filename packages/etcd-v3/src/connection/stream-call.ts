import { type ChannelInterface, Metadata, status as grpcStatus, type StatusObject } from '@grpc/grpc-js';
import { StoreError } from '@holdfast/store';
import { Fifo, messageOf } from '@holdfast/store/adapter';
import type { GrpcFailure } from '../errors.js';
import { AnswerHead } from './answer-head.js';
import type { WatchCall } from './transport.js';

/** The parts of a new call. */
export interface StreamBegin {
  readonly call: GrpcCall;
  readonly isPossible: () => boolean;
  /** Called when the call is over, also after `cancel`. */
  readonly onOver: (stream: StreamCall) => void;
}

export interface StreamHandlers {
  /** The bytes of one message. */
  onMessage(message: Buffer): void;
  /** The call ended for any reason but `cancel`. Called exactly once. */
  onEnd(error: StoreError): void;
}

const CLOSED = { code: grpcStatus.UNAVAILABLE, details: 'the connection was closed before the stream began' };

const NO_TRAILERS = new Metadata();

type ToError = (status: StatusObject & GrpcFailure) => StoreError;
type GrpcCall = ReturnType<ChannelInterface['createCall']>;

/**
 * A call of a streaming method, in both directions, on raw messages. It uses gRPC's call directly, not its Node stream: that reads up to
 * sixteen messages ahead, and a watch response can have any size.
 */
export class StreamCall implements WatchCall {
  readonly endpoint: string;
  readonly #call: GrpcCall;
  readonly #onOver: (stream: StreamCall) => void;
  readonly #unsent = new Fifo<Uint8Array>();
  #head: AnswerHead | undefined;
  #status: 'opening' | 'open' | 'over' = 'opening';
  #sending = false;
  #isLast = false;
  #reading = false;
  #paused = false;

  /** @param toError makes the error of the end; called once, for any end but `cancel`. */
  constructor(
    { call, isPossible, onOver }: StreamBegin,
    endpoint: string,
    metadata: Metadata,
    handlers: StreamHandlers,
    toError: ToError,
  ) {
    this.endpoint = endpoint;
    this.#call = call;
    this.#onOver = onOver;
    // Started only after the opener has the call: it must not hear of the end of a call that it does not know yet.
    setImmediate(() => {
      if (isPossible()) this.#start(metadata, handlers, toError);
      else if (this.#status !== 'over') this.#end({ ...CLOSED, metadata }, handlers, toError);
    });
  }

  write(request: Uint8Array): void {
    if (this.#status === 'over') return;
    this.#unsent.push(request);
    this.#send();
  }

  /** Sends the only request, or the last one. */
  writeLast(request: Uint8Array): void {
    this.#isLast = true;
    this.write(request);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#read();
  }

  cancel(): void {
    if (this.#status === 'over') return;
    this.#settle();
    // The server then drops all watches of the call.
    this.#call.cancelWithStatus(grpcStatus.CANCELLED, 'cancelled here');
  }

  #start(metadata: Metadata, handlers: StreamHandlers, toError: ToError): void {
    if (this.#status === 'over') return;
    this.#status = 'open';
    /** Ends the call because of its answer. */
    const giveUp = (details: string): void => {
      if (this.#status === 'over') return;
      this.#call.cancelWithStatus(grpcStatus.CANCELLED, details);
      this.#end({ code: grpcStatus.UNAVAILABLE, details, metadata: NO_TRAILERS }, handlers, toError);
    };
    const head = new AnswerHead(() => {
      giveUp(head.foreign);
    });
    this.#head = head;
    this.#call.start(metadata, {
      onReceiveMetadata: (given) => {
        head.received(given);
      },
      onReceiveMessage: (message: Buffer) => {
        this.#reading = false;
        if (this.#status === 'over') return;
        try {
          handlers.onMessage(message);
        } catch (error) {
          giveUp(`a message could not be used: ${messageOf(error)}`);
          return;
        }
        this.#read();
      },
      onReceiveStatus: (status) => {
        if (this.#status !== 'over') this.#end(status, handlers, toError);
      },
    });
    this.#read();
    this.#send();
  }

  #end(status: StatusObject, handlers: StreamHandlers, toError: ToError): void {
    this.#settle();
    const contentType = this.#head?.contentType(status.metadata);
    let error: StoreError;
    try {
      error = toError({ ...status, contentType });
    } catch (cause) {
      // Even if `toError` itself fails, waiting callers must hear of the end.
      error = new StoreError('internal', `a stream ended, and its end could not be told: ${status.details}`, { cause });
    }
    handlers.onEnd(error);
  }

  #settle(): void {
    this.#status = 'over';
    this.#head?.over();
    this.#onOver(this);
  }

  #read(): void {
    if (this.#status !== 'open' || this.#reading || this.#paused) return;
    this.#reading = true;
    this.#call.startRead();
  }

  /** One at a time: gRPC holds only a single unsent message of a call. */
  #send(): void {
    if (this.#status !== 'open' || this.#sending) return;
    const next = this.#unsent.shift();
    if (next === undefined) return;
    this.#sending = true;
    const callback = (): void => {
      this.#sending = false;
      if (this.#isLast && this.#unsent.length === 0 && this.#status === 'open') this.#call.halfClose();
      else this.#send();
    };
    this.#call.sendMessageWithContext({ callback }, Buffer.from(next.buffer, next.byteOffset, next.byteLength));
  }
}
