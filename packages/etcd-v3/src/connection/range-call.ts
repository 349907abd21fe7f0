import { isStoreError, type Clock, type StoreError, type TimerHandle } from '@holdfast/store';
import { Fifo, inNextTurn, removeAbortListener, whenAborted } from '@holdfast/store/adapter';
import type { GrpcFailure } from '../errors.js';
import { chunkOf } from '../protobuf/range.js';
import type { Attempted } from './attempt.js';
import type { StreamCall } from './stream-call.js';

/** How the chunks of a range ended. */
export type RangeEnd =
  /** The server ended them. Whether all have come is for their reader to say. */
  | { readonly status: 'ended' }
  | { readonly status: 'failed'; readonly failure: GrpcFailure }
  /** The call could not be made, which a read explains, or was given up here. */
  | { readonly status: 'gone' }
  /** Nothing came for too long. */
  | { readonly status: 'silent' }
  /** The answer is of another cluster than the store's. */
  | { readonly status: 'foreign'; readonly error: StoreError }
  /** Its reader does not want more. */
  | { readonly status: 'aborted'; readonly error: StoreError };

export interface RangeCallHandlers {
  onMessage(message: Buffer): void;
  /** Called at most once, and last. */
  onEnd(end: RangeEnd): void;
}

export interface RangeCallOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly endpoint: string;
  /** Called when it turns out that the connection gives no chunks, or wrong ones. */
  readonly onLacking: (why: StoreError) => void;
  /** Called when the caller's time ran out while nothing came. */
  readonly onSilence: (error: StoreError) => void;
}

/** How many chunks wait for their reader, at about 1.5 MB each. What else is on its way is bounded by the flow-control window. */
const DEPTH = 2;

/**
 * How long the reader waits for the first chunk and for each of the others, in milliseconds. The first has ten keys. A proxy that
 * holds chunks back until the end, or for ever, may pass on pages. A line that brings a chunk slower brings no page in time either.
 */
const PATIENCE_MS = { first: 2_000, next: 5_000 };

/** A silence of so long, in milliseconds, at the end of which the caller's time is out, speaks against the member. */
const SUSPICIOUS_MS = 500;

/** A range that is sent in chunks (etcd 3.7), one for each {@link next}. No more are taken from the server than are wanted soon. */
export class RangeCall {
  readonly endpoint: string;
  readonly #options: RangeCallOptions;
  readonly #chunks = new Fifo<Buffer>();
  #call: StreamCall | undefined;
  #end: RangeEnd | undefined;
  #wake: () => void = () => undefined;
  #hasBegun = false;
  #waitsSince: number | undefined;

  constructor(open: (handlers: RangeCallHandlers) => Promise<Attempted<StreamCall>>, options: RangeCallOptions) {
    this.endpoint = options.endpoint;
    this.#options = options;
    whenAborted(options.signal, this.#onAbort);
    const handlers: RangeCallHandlers = {
      onMessage: (message) => {
        this.#chunks.push(chunkOf(message));
        if (this.#chunks.length >= DEPTH) this.#call?.pause();
        this.#wake();
      },
      onEnd: (end) => {
        this.#finish(end);
      },
    };
    open(handlers).then(
      (opened) => {
        if (opened.status !== 'answered') this.#finish({ status: 'gone' });
        else if (this.#end === undefined) this.#call = opened.response;
        else opened.response.cancel();
      },
      () => {
        this.#finish({ status: 'gone' });
      },
    );
  }

  /** The next chunk, or how they ended: a RangeResponse of which any part may be missing. */
  async next(): Promise<Buffer | RangeEnd> {
    for (;;) {
      // What came before the end is good, but nobody wants it any more after an abort.
      const chunk = this.#end?.status === 'aborted' ? undefined : this.#chunks.shift();
      if (chunk !== undefined) {
        this.#hasBegun = true;
        if (this.#chunks.length < DEPTH) this.#call?.resume();
        return chunk;
      }
      if (this.#end !== undefined) return this.#end;
      await this.#more();
    }
  }

  /** The connection gives no chunks, or none that can be used: pages are read over it from now on. */
  forsake(why: StoreError): void {
    this.#options.onLacking(why);
    this.cancel();
  }

  /** Ends the server's work too. */
  cancel(): void {
    this.#finish({ status: 'gone' });
    this.#chunks.clear();
  }

  /** Waits for a chunk or the end. */
  async #more(): Promise<void> {
    const { clock } = this.#options;
    this.#waitsSince = clock.now();
    let timer: TimerHandle;
    try {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = clock.setTimeout(
          () => {
            // After a long stall of this process, a chunk may be waiting in its socket.
            inNextTurn(() => {
              inNextTurn(resolve);
            });
          },
          this.#hasBegun ? PATIENCE_MS.next : PATIENCE_MS.first,
        );
      });
      if (this.#chunks.length === 0) this.#finish({ status: 'silent' });
    } finally {
      clock.clearTimeout(timer);
      this.#waitsSince = undefined;
    }
  }

  readonly #onAbort = (): void => {
    const { signal, clock, onSilence } = this.#options;
    const error = signal.reason as StoreError;
    const silentMs = this.#waitsSince === undefined ? 0 : clock.now() - this.#waitsSince;
    if (isStoreError(error, 'timeout') && silentMs >= SUSPICIOUS_MS) onSilence(error);
    this.#finish({ status: 'aborted', error });
  };

  #finish(end: RangeEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    removeAbortListener(this.#options.signal, this.#onAbort);
    this.#call?.cancel();
    this.#wake();
  }
}
