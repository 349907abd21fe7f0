import { Metadata, status as grpcStatus, type StatusObject } from '@grpc/grpc-js';
import { StoreError } from '@holdfast/store';
import { Fifo, messageOf } from '@holdfast/store/adapter';
import type { GrpcFailure } from '../errors.js';
import { AnswerHead, contentTypeOf } from './answer-head.js';
import type { RawStream, RawStreamHandlers } from './raw-stream.js';
import type { WatchCall } from './transport.js';

/** The parts of a new call. */
export interface StreamBegin {
  readonly open: (handlers: RawStreamHandlers) => RawStream;
  readonly isPossible: () => boolean;
  /** Called when the call is over, also after `cancel`. */
  readonly onOver: (stream: StreamCall) => void;
}

export interface StreamHandlers {
  /** The bytes of one message, or of a part of one: then `more` says that what comes next is its next part. */
  onMessage(message: Buffer, more: boolean): void;
  /** The call ended for any reason but `cancel`. Called exactly once. */
  onEnd(error: StoreError): void;
}

const CLOSED = { code: grpcStatus.UNAVAILABLE, details: 'the connection was closed before the stream began' };

const NO_TRAILERS = new Metadata();

type ToError = (status: StatusObject & GrpcFailure) => StoreError;

/** A call of a streaming method, in both directions, on raw messages. */
export class StreamCall implements WatchCall {
  readonly endpoint: string;
  #stream: RawStream | undefined;
  readonly #onOver: (stream: StreamCall) => void;
  readonly #unsent = new Fifo<Uint8Array>();
  #head: AnswerHead | undefined;
  #status: 'opening' | 'open' | 'over' = 'opening';
  #sending = false;
  #isLast = false;

  /** @param toError makes the error of the end; called once, for any end but `cancel`. */
  constructor({ open, isPossible, onOver }: StreamBegin, endpoint: string, handlers: StreamHandlers, toError: ToError) {
    this.endpoint = endpoint;
    this.#onOver = onOver;
    // Started only after the opener has the call: it must not hear of the end of a call that it does not know yet.
    setImmediate(() => {
      if (this.#status === 'over') return;
      if (isPossible()) this.#start(open, handlers, toError);
      else this.#end({ ...CLOSED, metadata: NO_TRAILERS }, handlers, toError);
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
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  cancel(): void {
    if (this.#status === 'over') return;
    this.#settle();
    // The server then drops all watches of the call.
    this.#stream?.cancel('cancelled here');
  }

  #start(open: StreamBegin['open'], handlers: StreamHandlers, toError: ToError): void {
    this.#status = 'open';
    /** Ends the call because of its answer. */
    const giveUp = (details: string): void => {
      if (this.#status === 'over') return;
      this.#stream?.cancel(details);
      this.#end({ code: grpcStatus.UNAVAILABLE, details, metadata: NO_TRAILERS }, handlers, toError);
    };
    const head = new AnswerHead(() => {
      giveUp(head.foreign);
    });
    this.#head = head;
    this.#stream = open({
      onHead: (given) => {
        head.received(contentTypeOf(given));
      },
      onMessage: (message, more) => {
        if (this.#status === 'over') return;
        try {
          handlers.onMessage(message, more);
        } catch (error) {
          giveUp(`a message could not be used: ${messageOf(error)}`);
        }
      },
      onEnd: (status) => {
        if (this.#status !== 'over') this.#end(status, handlers, toError);
      },
    });
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

  /** One at a time: gRPC holds only a single unsent message of a call. */
  #send(): void {
    const stream = this.#stream;
    if (this.#status !== 'open' || stream === undefined || this.#sending) return;
    const next = this.#unsent.shift();
    if (next === undefined) return;
    this.#sending = true;
    stream.send(Buffer.from(next.buffer, next.byteOffset, next.byteLength), () => {
      this.#sending = false;
      if (this.#isLast && this.#unsent.length === 0 && this.#status === 'open') stream.halfClose();
      else this.#send();
    });
  }
}
