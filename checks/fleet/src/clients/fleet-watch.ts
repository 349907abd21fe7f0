import { type Bookmark, type Clock, type StoreError, toRevision } from '@holdfast/store';
import { Backoff, type DriverWatch, type DriverWatchOptions, type WatchSink } from '@holdfast/store/adapter';
import type { SimClock } from '@holdfast/simulation';
import { type Group, weightOf } from '../server/history.js';
import type { ModelServer, Session } from '../server/model-server.js';
import type { Tariff } from '../server/tariff.js';
import type { Watcher } from '../server/watchers.js';
import type { ClientCpu } from './client-cpu.js';
import { type Connection, RETRY } from './connection.js';

/** The defaults of the etcd v3 adapter, in milliseconds. */
const STABLE_MS = 5_000;
const PROGRESS_MS = 5_000;
/** What an event takes in memory, and progress. */
const EVENT_BYTES = 600;
const PROGRESS_BYTES = 200;

export interface FleetWatchOptions {
  readonly clock: SimClock;
  readonly view: Clock;
  readonly server: ModelServer;
  readonly tariff: Tariff;
  readonly connection: Connection;
  readonly cpu: ClientCpu;
  readonly random: () => number;
  readonly head: (signal: AbortSignal) => Promise<Bookmark>;
  readonly onClosed: () => void;
}

type State =
  | { readonly status: 'idle' }
  | { readonly status: 'joining'; readonly abort: AbortController }
  | { readonly status: 'following'; readonly session: Session; readonly watcher: Watcher; readonly since: number }
  | { readonly status: 'closed' };

/** The only watch of a store, as the etcd v3 adapter makes it: it survives losses of the connection, and goes on from its bookmark. */
export class FleetWatch implements DriverWatch {
  readonly #options: FleetWatchOptions;
  readonly #sink: WatchSink;
  readonly #backoff: Backoff;
  readonly #forget: () => void;
  #bookmark: Bookmark | undefined;
  #state: State = { status: 'idle' };
  #isRetry = false;
  #isEstablished = false;
  #told = 0;

  constructor({ after }: DriverWatchOptions, sink: WatchSink, options: FleetWatchOptions) {
    this.#options = options;
    this.#sink = sink;
    this.#bookmark = after;
    this.#backoff = new Backoff({ ...RETRY, random: options.random });
    this.#forget = options.connection.onLost((cause) => {
      this.#lost(cause);
    });
    this.#join();
  }

  resume(): void {
    if (this.#state.status === 'idle') this.#join();
  }

  close(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  #join(): void {
    const abort = new AbortController();
    const state: State = { status: 'joining', abort };
    this.#state = state;
    this.#reach(abort.signal).then(
      (session) => {
        if (this.#state !== state) return;
        if (session.isOpen) this.#create(session);
        else this.#retry();
      },
      (error: unknown) => {
        if (this.#state !== state) return;
        this.#sink.interrupted(error as StoreError);
        // The sink may have closed the watch.
        if (this.#state === state) this.#retry();
      },
    );
  }

  async #reach(signal: AbortSignal): Promise<Session> {
    if (this.#isRetry) await this.#rest(signal);
    this.#bookmark ??= await this.#options.head(signal);
    return this.#options.connection.acquire(signal);
  }

  #retry(): void {
    this.#isRetry = true;
    this.#join();
  }

  /** Waits before the next stream, unless a call has connected. */
  #rest(signal: AbortSignal): Promise<void> {
    const { clock, connection } = this.#options;
    return new Promise((resolve, reject) => {
      const end = (act: () => void) => () => {
        clock.clear(timer);
        off();
        signal.removeEventListener('abort', onAbort);
        act();
      };
      const onAbort = end(() => {
        reject(signal.reason as Error);
      });
      const timer = clock.set('watch', end(resolve), this.#backoff.next());
      const off = connection.onConnected(end(resolve));
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #create(session: Session): void {
    const { clock, server, connection, cpu, tariff } = this.#options;
    const isCurrent = (): boolean =>
      this.#state.status === 'following' && this.#state.session === session && session.isOpen;
    // All messages go the same way, so that none overtakes another: over the network, then to their turn in the process.
    const arrive = (clientMs: number, act: () => void): void => {
      connection.send(() => {
        if (!isCurrent()) return;
        cpu.run(clientMs, () => {
          if (isCurrent()) act();
        });
      });
    };
    const watcher = server.watch(session, this.#bookmark?.revision ?? 0, {
      created: (head) => {
        arrive(0, () => {
          this.#isEstablished = true;
          this.#askProgress(watcher);
          if (this.#bookmark !== undefined) this.#sink.established(this.#bookmark, toRevision(head));
        });
      },
      groups: (groups) => {
        arrive(weightOf(groups) * tariff.client.event, () => {
          this.#arrived(groups);
        });
      },
      progress: (revision) => {
        arrive(0, () => {
          this.#progressed(revision);
        });
      },
      compacted: (error) => {
        arrive(0, () => {
          this.#end();
          this.#sink.fail(error);
        });
      },
    });
    this.#isEstablished = false;
    this.#state = { status: 'following', session, watcher, since: clock.now };
  }

  #arrived(groups: readonly Group[]): void {
    for (const { bookmark, events, weight } of groups) {
      if (this.#state.status !== 'following') return;
      // A watch begins at the bookmark's own revision.
      if (bookmark.revision <= (this.#bookmark?.revision ?? 0)) continue;
      this.#bookmark = bookmark;
      const room = this.#sink.push({ kind: 'events', bookmark, events, undecodable: [] }, weight * EVENT_BYTES);
      if (room === 'full') this.#leave();
    }
  }

  #progressed(revision: number): void {
    const known = this.#bookmark;
    if (known === undefined || revision < known.revision || revision === this.#told) return;
    this.#told = revision;
    this.#bookmark = { revision: toRevision(revision), identity: known.identity };
    const batch = { kind: 'progress', bookmark: this.#bookmark, events: [], undecodable: [] } as const;
    if (this.#sink.push(batch, PROGRESS_BYTES) === 'full') this.#leave();
  }

  #askProgress(watcher: Watcher): void {
    const { clock, server, connection } = this.#options;
    clock.set(
      'progress',
      () => {
        if (this.#state.status !== 'following' || this.#state.watcher !== watcher) return;
        connection.send(() => {
          if (watcher.isOpen) server.progress(watcher);
        });
        this.#askProgress(watcher);
      },
      PROGRESS_MS,
    );
  }

  #lost(cause: StoreError): void {
    if (this.#state.status !== 'following') return;
    if (this.#options.clock.now - this.#state.since >= STABLE_MS) this.#backoff.reset();
    this.#state = { status: 'idle' };
    if (this.#isEstablished) this.#sink.interrupted(cause);
    // The sink may have closed the watch.
    if (this.#state.status === 'idle') this.#retry();
  }

  /** Stops at the server. */
  #leave(): void {
    const state = this.#state;
    this.#state = { status: 'idle' };
    if (state.status === 'joining') state.abort.abort();
    else if (state.status === 'following')
      this.#options.connection.send(() => {
        this.#options.server.unwatch(state.session, state.watcher);
      });
  }

  #end(): void {
    if (this.#state.status === 'closed') return;
    this.#leave();
    this.#state = { status: 'closed' };
    this.#forget();
    this.#options.onClosed();
  }
}
