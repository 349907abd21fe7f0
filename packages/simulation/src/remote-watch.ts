import {
  type Bookmark,
  type ConfigStore,
  type DriverWatch,
  type DriverWatchOptions,
  isStoreError,
  type KeyRange,
  StoreError,
  type Watch,
  type WatchBatch,
  type WatchSink,
} from '@holdfast/store';
import type { Link } from './link.js';
import type { Random } from './random.js';

export interface RemoteWatchOptions {
  readonly link: Link;
  readonly random: Random;
  readonly tellsProgress: boolean;
  readonly backend: 'v3' | 'v2';
  readonly deletedRange: (revision: number) => KeyRange | undefined;
}

/** Where it stands. A `following` one has a stream to the server; nothing of an older stream is listened to. */
type State =
  | { readonly status: 'connecting' }
  | { readonly status: 'following'; readonly stream: Stream }
  /** The consumer's budget is used up. */
  | { readonly status: 'full' }
  | { readonly status: 'closed' };

interface Stream {
  /** The server's side of it. */
  server: Watch | undefined;
  lastArrival: number;
}

const RECONNECT_MS = 150;

/**
 * A watch over a link, as an adapter does it: ridden over every loss of the connection, resumed from the last bookmark that
 * was delivered, whatever the wire tells twice dropped (C10 to C12).
 */
export class RemoteWatch implements DriverWatch {
  readonly #store: ConfigStore;
  readonly #range: KeyRange;
  readonly #options: DriverWatchOptions;
  readonly #sink: WatchSink;
  readonly #net: RemoteWatchOptions;
  readonly #forget: () => void;
  #state: State = { status: 'connecting' };
  #position: Bookmark | undefined;
  #wasLive = false;

  constructor(
    store: ConfigStore,
    range: KeyRange,
    options: DriverWatchOptions,
    sink: WatchSink,
    net: RemoteWatchOptions,
  ) {
    this.#store = store;
    this.#range = range;
    this.#options = options;
    this.#sink = sink;
    this.#net = net;
    this.#position = options.after;
    this.#forget = net.link.onReset((cause) => {
      this.#lost(cause);
    });
    this.#connect();
  }

  resume(): void {
    if (this.#state.status !== 'full') return;
    this.#state = { status: 'connecting' };
    this.#connect();
  }

  async close(): Promise<void> {
    this.#end();
  }

  /** The server ends it. */
  fail(error: StoreError): void {
    if (this.#state.status === 'closed') return;
    this.#end();
    this.#sink.fail(error);
  }

  #end(): void {
    this.#leave();
    this.#state = { status: 'closed' };
    this.#forget();
  }

  #leave(): void {
    // The server notices that the client is gone.
    if (this.#state.status === 'following') void this.#state.stream.server?.close();
  }

  #lost(cause: StoreError): void {
    // Nothing comes over it now, and yet what waits for the consumer came over a connection that is gone.
    if (this.#state.status === 'full') this.#sink.interrupted(cause);
    if (this.#state.status !== 'following' && this.#state.status !== 'connecting') return;
    this.#leave();
    this.#state = { status: 'connecting' };
    if (this.#wasLive) this.#sink.interrupted(cause);
    // Whoever was told may have closed it.
    if (this.#state.status === 'connecting') this.#connect();
  }

  /** Asks for a stream, until there is one. */
  #connect(): void {
    const { link, random } = this.#net;
    const state = this.#state;
    link.wait(1 + random.below(RECONNECT_MS), () => {
      if (this.#state !== state) return;
      if (!link.isUp) {
        this.#connect();
        return;
      }
      const stream: Stream = { server: undefined, lastArrival: 0 };
      this.#state = { status: 'following', stream };
      link.send(() => {
        if (this.#isCurrent(stream)) this.#serve(stream);
      });
    });
  }

  #isCurrent(stream: Stream): boolean {
    return this.#state.status === 'following' && this.#state.stream === stream;
  }

  /** At the server: follows the range, and sends what happens. */
  #serve(stream: Stream): void {
    if (this.#net.link.isDenied) {
      this.#tell(stream, () => {
        this.fail(this.#net.link.denial(undefined));
      });
      return;
    }
    const server = this.#store.watch(this.#range.toRange(), {
      previous: this.#options.previous,
      only: this.#options.only,
      after: this.#position,
    });
    stream.server = server;
    server.ready.then(
      (bookmark) => {
        this.#tell(stream, () => {
          this.#established(this.#position ?? bookmark);
        });
      },
      () => undefined,
    );
    void this.#pump(stream, server);
  }

  async #pump(stream: Stream, server: Watch): Promise<void> {
    try {
      for await (const batch of server) {
        if (!this.#isCurrent(stream)) return;
        this.#tell(stream, () => {
          this.#arrived(batch);
        });
        if (this.#net.random.chance(0.1))
          this.#tell(stream, () => {
            this.#arrived(batch);
          });
      }
    } catch (error) {
      const failure = isStoreError(error) ? error : new StoreError('internal', String(error), { cause: error });
      this.#tell(stream, () => {
        this.fail(failure);
      });
    }
  }

  /** From the server to the client, in order. */
  #tell(stream: Stream, arrive: () => void): void {
    if (!this.#isCurrent(stream)) return;
    stream.lastArrival = this.#net.link.send(
      () => {
        if (this.#isCurrent(stream)) arrive();
      },
      { watch: true, notBefore: stream.lastArrival },
    );
  }

  #established(after: Bookmark): void {
    this.#position = after;
    this.#wasLive = true;
    this.#sink.established(after);
  }

  #arrived(batch: WatchBatch): void {
    const { revision } = this.#position ?? { revision: 0 };
    if (batch.bookmark.revision <= revision) return;
    if (batch.kind === 'progress' && !this.#net.tellsProgress) return;
    this.#position = batch.bookmark;
    const bytes = 100 + batch.events.length * 100;
    if (this.#sink.push(this.#asBackendTells(batch), bytes) === 'full' && this.#state.status === 'following') {
      this.#leave();
      this.#state = { status: 'full' };
    }
  }

  /** A directory that goes is one event on v2, which does not say what was in it. */
  #asBackendTells(batch: WatchBatch): WatchBatch {
    const range = this.#net.backend === 'v2' ? this.#net.deletedRange(batch.bookmark.revision) : undefined;
    const deleted = range?.intersect(this.#range);
    if (deleted === undefined || this.#options.only === 'put') return batch;
    const event = { type: 'delete-range', revision: batch.bookmark.revision, range: deleted.toRange() } as const;
    return { ...batch, events: [event], undecodable: [] };
  }
}
