import { isStoreError, StoreError, type Clock, type Logger, type TimerHandle } from '@holdfast/store';
import { Backoff } from '@holdfast/store/adapter';
import { asStoreError } from './errors.js';
import { WatchStream, type VersionOf, type WatchStreamOptions, type WatchStreamOwner } from './stream.js';
import type { WatchTransport } from '../connection/transport.js';

export interface WatchLinkOptions extends WatchStreamOptions {
  /** The first and the longest delay between two streams, in milliseconds. */
  readonly backoff: { readonly initialMs: number; readonly maxMs: number };
  /** After a stream that lived at least this long, the back-off begins anew. In milliseconds. */
  readonly stableMs: number;
}

/** A watch that wants to be on the current stream. */
export interface LinkMember {
  /** There is a stream: create the watch on it. */
  attach(stream: WatchStream): void;
  /** An attempt to open a stream failed. Others follow, as long as anybody wants one. */
  trouble(cause: StoreError): void;
}

type LinkState =
  | { readonly name: 'idle' }
  | { readonly name: 'opening'; readonly abort: AbortController }
  | { readonly name: 'open'; readonly stream: WatchStream; readonly since: number }
  /** `refusal`: the server is healthy, and refuses this store's token. */
  | { readonly name: 'resting'; readonly timer: TimerHandle; readonly refusal: StoreError | undefined }
  | { readonly name: 'closed' };

/**
 * The store's one watch stream, shared by all watches. It is opened when a watch wants it, and replaced with back-off when it ends
 * (docs/traps.md#trap-12).
 */
export class WatchLink implements WatchStreamOwner {
  readonly #transport: WatchTransport;
  readonly #options: WatchLinkOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #backoff: Backoff;
  readonly #waiting = new Set<LinkMember>();
  // The current stream, and retired ones that still serve their watches.
  readonly #streams = new Set<WatchStream>();
  #state: LinkState = { name: 'idle' };
  #avoid: string | undefined;
  // How many streams in a row were refused for an invalid token. The second one had a new token.
  #unauthenticated = 0;
  // How many streams in a row were given up for silence. The next one gets twice the time: a slow line may be bringing one huge message.
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
    // The rest goes on, so that the next member does not skip the back-off.
    if (this.#waiting.size === 0 && this.#state.name === 'opening') this.#transition({ name: 'idle' });
  }

  /**
   * Takes no more watches on this stream, since its token is not valid any more. Its present watches stay. `false` if it was retired
   * already.
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
    // Behind one name, only another connection reaches another member.
    this.#transport.markUnhealthy(stream.endpoint, cause);
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
    this.#logger.info(`the watch stream to ${stream.endpoint} ended: ${cause.message}`, {
      endpoint: stream.endpoint,
      error: cause,
    });
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

  /** Retries after a delay. The watches of the old stream are about to join again. */
  #rest(refusal?: StoreError): void {
    const delayMs = this.#backoff.next();
    const timer = this.#clock.setTimeout(() => {
      if (refusal !== undefined) this.#tell(refusal);
      if (this.#waiting.size > 0) this.#open();
      else this.#transition({ name: 'idle' });
    }, delayMs);
    this.#transition({ name: 'resting', timer, refusal });
  }

  /** Another call has connected: stop waiting and open a stream. */
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
        const versionOf: VersionOf = (memberId, signal) => this.#transport.versionOf(call.endpoint, memberId, signal);
        if (stream.begin(call, versionOf)) this.#opened(stream);
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
    this.#logger.warn(`no watch stream could be opened: ${cause.message}`, { error: cause });
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
