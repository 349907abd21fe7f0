import { Backoff, isStoreError, StoreError, type Clock, type Logger, type TimerHandle } from '@holdfast/store';
import { asStoreError } from './errors.js';
import { WatchStream, type WatchStreamOptions, type WatchStreamOwner } from './stream.js';
import type { WatchTransport } from '../connection/transport.js';

export interface WatchLinkOptions extends WatchStreamOptions {
  /** The first and the longest delay between two streams, in milliseconds. */
  readonly backoff: { readonly initialMs: number; readonly maxMs: number };
  /** A stream that has held this long was no failure: the next delay is the first one again. In milliseconds. */
  readonly stableMs: number;
  readonly random: () => number;
}

/** Who wants a watch on the current stream. */
export interface LinkMember {
  /** There is a stream: create the watch on it. */
  attach(stream: WatchStream): void;
  /** A try to get one failed; there will be others, as long as anybody wants one. */
  trouble(cause: StoreError): void;
}

type LinkState =
  | { readonly name: 'idle' }
  | { readonly name: 'opening'; readonly abort: AbortController }
  | { readonly name: 'open'; readonly stream: WatchStream; readonly since: number }
  /** `refusal`: the server is well, and has no use for this store's token. */
  | { readonly name: 'resting'; readonly timer: TimerHandle; readonly refusal: StoreError | undefined }
  | { readonly name: 'closed' };

/**
 * The store's one watch stream: opened when a watch wants it, replaced with back-off when it ends (docs/traps.md#trap-12), shared by all.
 */
export class WatchLink implements WatchStreamOwner {
  readonly #transport: WatchTransport;
  readonly #options: WatchLinkOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #backoff: Backoff;
  readonly #waiting = new Set<LinkMember>();
  // The current one, and those that were retired but still serve their watches.
  readonly #streams = new Set<WatchStream>();
  #state: LinkState = { name: 'idle' };
  #avoid: string | undefined;
  // Streams refused for want of a valid token, in a row: the second one had a new token.
  #unauthenticated = 0;
  // Streams given up for silence, in a row: each gets twice the time, since a slow line may be bringing one huge message.
  #silences = 0;

  constructor(transport: WatchTransport, options: WatchLinkOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#backoff = new Backoff({ ...options.backoff, random: options.random });
    transport.onConnected(() => {
      this.#connected();
    });
  }

  /** `member` gets the current stream, now or as soon as there is one. */
  join(member: LinkMember): void {
    if (this.#state.name === 'open') {
      member.attach(this.#state.stream);
      return;
    }
    this.#waiting.add(member);
    if (this.#state.name === 'idle') this.#open();
  }

  leave(member: LinkMember): void {
    this.#waiting.delete(member);
    // A rest goes on, so that the next one to come does not jump the back-off.
    if (this.#waiting.size === 0 && this.#state.name === 'opening') this.#transition({ name: 'idle' });
  }

  /**
   * Takes no more watches on this stream: its token is not good any more. Those that it has stay. `false` where that was
   * said already.
   */
  retire(stream: WatchStream): boolean {
    if (this.#state.name !== 'open' || this.#state.stream !== stream) return false;
    this.#transition({ name: 'idle' });
    if (stream.size === 0) this.#drop(stream);
    return true;
  }

  /** Gives a stream up for all of its watches, and prefers another endpoint. */
  abandon(stream: WatchStream, cause: StoreError): void {
    if (!this.#streams.has(stream)) return;
    this.ended(stream, cause);
    stream.close(cause);
  }

  /** Nobody watches any more: closes all streams. */
  release(): void {
    this.#transition({ name: 'idle' });
    for (const stream of this.#streams) this.#drop(stream);
  }

  close(): void {
    this.release();
    this.#waiting.clear();
    this.#transition({ name: 'closed' });
  }

  confirmed(): void {
    this.#unauthenticated = 0;
    this.#silences = 0;
  }

  emptied(stream: WatchStream): void {
    const current = this.#state.name === 'open' && this.#state.stream === stream;
    if (!current) this.#drop(stream);
  }

  ended(stream: WatchStream, cause: StoreError, how?: 'closed by the server' | 'silent'): void {
    if (!this.#streams.delete(stream)) return;
    this.#logger.info('a watch stream ended', { endpoint: stream.endpoint, cause: cause.message });
    this.#avoid = stream.endpoint;
    if (how === 'silent') {
      this.#silences += 1;
      this.#transport.markUnhealthy(stream.endpoint, cause);
    }
    if (isStoreError(cause, 'unauthenticated')) {
      this.#unauthenticated += 1;
      this.#transport.refreshToken();
    }
    if (this.#state.name !== 'open' || this.#state.stream !== stream) return;
    if (this.#clock.now() - this.#state.since >= this.#options.stableMs) this.#backoff.reset();
    this.#rest(this.#unauthenticated > 1 ? cause : undefined);
  }

  /** Tries again after a while. The watches that the stream had are about to come back. */
  #rest(refusal?: StoreError): void {
    const delayMs = this.#backoff.next();
    const timer = this.#clock.setTimeout(() => {
      if (refusal !== undefined) this.#tell(refusal);
      if (this.#waiting.size > 0) this.#open();
      else this.#transition({ name: 'idle' });
    }, delayMs);
    this.#transition({ name: 'resting', timer, refusal });
  }

  /** A call had the patience that paid: where the rest was for want of a connection, there is one. */
  #connected(): void {
    if (this.#state.name !== 'resting' || this.#state.refusal !== undefined) return;
    if (this.#waiting.size > 0) this.#open();
  }

  #open(): void {
    const abort = new AbortController();
    this.#transition({ name: 'opening', abort });
    const answerMs = this.#options.answerMs * 2 ** Math.min(this.#silences, 6);
    const stream = new WatchStream({ ...this.#options, answerMs }, this);
    this.#transport.openWatchCall(stream, { avoid: this.#avoid, signal: abort.signal }).then(
      (call) => {
        if (abort.signal.aborted) {
          call.cancel();
          return;
        }
        this.#streams.add(stream);
        if (stream.begin(call, this.#transport.serverVersion(call.endpoint))) this.#opened(stream);
        else this.#failed(new StoreError('unavailable', `${call.endpoint} ended the watch stream at once`));
      },
      (error: unknown) => {
        if (!abort.signal.aborted) this.#failed(asStoreError(error, 'no watch stream could be opened'));
      },
    );
  }

  #opened(stream: WatchStream): void {
    this.#transition({ name: 'open', stream, since: this.#clock.now() });
    const members = [...this.#waiting];
    this.#waiting.clear();
    for (const member of members) this.join(member);
  }

  #failed(cause: StoreError): void {
    this.#logger.warn('no watch stream could be opened', { cause: cause.message });
    this.#rest();
    this.#tell(cause);
  }

  #tell(cause: StoreError): void {
    for (const member of [...this.#waiting]) member.trouble(cause);
  }

  #drop(stream: WatchStream): void {
    this.#streams.delete(stream);
    stream.close();
  }

  #transition(next: LinkState): void {
    const previous = this.#state;
    if (previous.name === 'closed') return;
    this.#state = next;
    if (previous.name === 'opening' && next.name !== 'open' && next.name !== 'resting') previous.abort.abort(UNWANTED);
    else if (previous.name === 'resting') this.#clock.clearTimeout(previous.timer);
  }
}

const UNWANTED = new StoreError('aborted', 'no watch wants the stream any more');
