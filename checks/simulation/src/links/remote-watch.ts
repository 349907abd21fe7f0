import {
  type Bookmark,
  type ConfigStore,
  isStoreError,
  StoreError,
  type Watch,
  type WatchBatch,
  type WatchState,
} from '@holdfast/store';
import type { DriverCall, DriverWatch, DriverWatchOptions, KeyRange, WatchSink } from '@holdfast/store/adapter';
import type { Connections } from './connections.js';
import type { Backend } from '../cluster/endpoints.js';
import type { Link } from './link.js';
import type { Members } from '../cluster/members.js';
import type { Random } from '../plans/random.js';
import { batchBytes } from './budget.js';

export interface RemoteWatchOptions {
  readonly link: Link;
  /** `undefined` in a world without endpoints. */
  readonly connections: Connections | undefined;
  readonly random: Random;
  readonly members: Members;
  readonly count: (fault: string) => void;
  /** A linearizable read of the store's head. */
  readonly head: (call: DriverCall) => Promise<Bookmark>;
  readonly tellsProgress: boolean;
  readonly backend: 'v3' | 'v2';
  readonly deletedRange: (revision: number) => KeyRange | undefined;
}

/** The state of the watch. With `following` it has a stream to the server. Older streams are ignored. */
type State =
  | { readonly status: 'connecting' }
  /** Asks the cluster, or for a new token, before it reconnects. */
  | { readonly status: 'asking'; readonly abort: AbortController }
  | { readonly status: 'following'; readonly stream: Stream }
  /** The consumer's budget is exhausted. */
  | { readonly status: 'full' }
  | { readonly status: 'closed' };

interface Stream {
  readonly member: number;
  /** The server that serves it, in a world with endpoints. */
  readonly backend: Backend | undefined;
  /** The server's side of the stream. */
  server: Watch | undefined;
  lastArrival: number;
}

const RECONNECT_MS = 150;

/**
 * A watch over a link, as an adapter makes it: it survives every loss of the connection, resumes from the last delivered bookmark, and drops
 * repeated events (C10 to C12).
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
  #avoid: number | undefined;

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

  get isOpen(): boolean {
    return this.#state.status !== 'closed';
  }

  resume(): void {
    if (this.#state.status !== 'full') return;
    this.#state = { status: 'connecting' };
    this.#connect();
  }

  async close(): Promise<void> {
    this.#end();
  }

  /** The server was replaced unnoticed: the stream brings nothing more. */
  deafen(): void {
    if (this.#state.status === 'following') void this.#state.stream.server?.close();
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
    else if (this.#state.status === 'asking') this.#state.abort.abort(OVERTAKEN);
  }

  #lost(cause: StoreError): void {
    // The stream is idle, but the batches that wait for the consumer came over a connection that is gone.
    if (this.#state.status === 'full') this.#sink.interrupted(cause);
    if (this.#state.status === 'closed' || this.#state.status === 'full') return;
    this.#leave();
    this.#state = { status: 'connecting' };
    if (this.#wasLive) this.#sink.interrupted(cause);
    // The receiver may have closed the watch.
    if (this.#state.status === 'connecting') this.#connect();
  }

  /** Tries to get a stream until there is one. */
  #connect(): void {
    const { link, random } = this.#net;
    const state = this.#state;
    link.wait(1 + random.below(RECONNECT_MS), () => {
      if (this.#state !== state) return;
      if (!link.isUp) {
        this.#connect();
        return;
      }
      const { connections } = this.#net;
      if (connections === undefined) this.#open(this.#pickMember(), undefined);
      else this.#reach(connections);
    });
  }

  #open(member: number, backend: Backend | undefined): Stream {
    const stream: Stream = { member, backend, server: undefined, lastArrival: 0 };
    this.#state = { status: 'following', stream };
    this.#net.link.send(() => {
      if (this.#isCurrent(stream)) this.#serve(stream);
    });
    return stream;
  }

  /** Gets a connection to a server that may serve it, or retries. */
  #reach(connections: Connections): void {
    const abort = new AbortController();
    const state: State = { status: 'asking', abort };
    this.#state = state;
    connections.get({ signal: abort.signal }).then(
      (connection) => {
        if (this.#state !== state) return;
        const { backend } = connection;
        const stream = this.#open(backend.place, backend);
        connection.onEnd(() => {
          if (this.#isCurrent(stream)) this.#lost(this.#net.link.outage(undefined));
        });
      },
      (error: unknown) => {
        if (this.#state !== state) return;
        if (isRefusal(error)) this.fail(error);
        else {
          this.#state = { status: 'connecting' };
          this.#connect();
        }
      },
    );
  }

  #pickMember(): number {
    const { members, random } = this.#net;
    if (members.count === 1) return 0;
    const member = random.below(members.count);
    return member === this.#avoid ? (member + 1) % members.count : member;
  }

  /** Asks a question, and reconnects after its answer. The answer may end the watch. */
  #ask(cause: StoreError, question: (call: DriverCall) => Promise<StoreError | undefined>): void {
    this.#leave();
    const abort = new AbortController();
    const state: State = { status: 'asking', abort };
    this.#state = state;
    if (this.#wasLive) this.#sink.interrupted(cause);
    question({ signal: abort.signal })
      .catch((error: unknown) => (isRefusal(error) ? error : undefined))
      .then((end) => {
        if (this.#state !== state) return;
        if (end !== undefined) {
          this.fail(end);
          return;
        }
        this.#state = { status: 'connecting' };
        this.#connect();
      })
      .catch(() => undefined);
  }

  /** A member's head is below the last delivered revision: a suspicion, which only a linearizable read settles (C13). */
  #doubt(stream: Stream, behindAt: number): void {
    this.#avoid = stream.member;
    const cause = new StoreError('unavailable', `member ${stream.member} is at ${behindAt} only; asking the cluster`);
    this.#ask(cause, async (call) => {
      const head = await this.#net.head(call);
      const known = this.#position;
      if (known === undefined || (head.identity === known.identity && head.revision >= known.revision))
        return undefined;
      return new StoreError('history-changed', `the store is at ${head.revision}, below ${known.revision}`);
    });
  }

  #isCurrent(stream: Stream): boolean {
    return this.#state.status === 'following' && this.#state.stream === stream;
  }

  /** The server's side: follows the range, and sends its events. */
  #serve(stream: Stream): void {
    const { link, count } = this.#net;
    stream.backend?.foreign?.serve(link.name, 'watch');
    if (!link.isAuthenticated) {
      count('watch refused for its token');
      this.#tell(stream, () => {
        this.#ask(link.stranger(undefined), async (call) => {
          await link.renew(call);
          return undefined;
        });
      });
      return;
    }
    if (link.isProxied) {
      const answer = link.proxyAnswer(undefined);
      this.#tell(stream, () => {
        this.fail(answer);
      });
      return;
    }
    const behindAt = this.#behindAt(stream);
    if (behindAt !== undefined && behindAt < (this.#position?.revision ?? 0)) {
      count('watch created by a member behind');
      this.#tell(stream, () => {
        this.#doubt(stream, behindAt);
      });
      return;
    }
    if (link.isDenied) {
      this.#tell(stream, () => {
        this.fail(this.#net.link.denial(undefined));
      });
      return;
    }
    const server = (stream.backend?.store ?? this.#store).watch(this.#range.toRange(), {
      previous: this.#options.previous,
      only: this.#options.only,
      after: this.#position,
    });
    stream.server = server;
    server.ready.then(
      (bookmark) => {
        this.#tell(stream, () => {
          this.#established(this.#position ?? bookmark, server.state);
        });
      },
      () => undefined,
    );
    void this.#pump(stream, server);
  }

  /** The revision of the serving member, if it lags behind. */
  #behindAt({ backend, member }: Stream): number | undefined {
    return backend?.foreign === undefined ? this.#net.members.behindAt(member) : undefined;
  }

  async #pump(stream: Stream, server: Watch): Promise<void> {
    const { members, random, count } = this.#net;
    try {
      for await (const batch of server) {
        if (!this.#isCurrent(stream)) return;
        // A member can't report what it does not know yet.
        const told = () => {
          this.#tell(stream, () => {
            this.#arrived(batch);
          });
          if (!random.chance(0.1)) return;
          count('duplicate delivery');
          this.#tell(stream, () => {
            this.#arrived(batch);
          });
        };
        if (stream.backend?.foreign === undefined) members.whenCaughtUp(stream.member, told);
        else told();
      }
    } catch (error) {
      const failure = isStoreError(error) ? error : new StoreError('internal', String(error), { cause: error });
      this.#tell(stream, () => {
        this.fail(failure);
      });
    }
  }

  /** Sends from the server to the client, in order. */
  #tell(stream: Stream, arrive: () => void): void {
    if (!this.#isCurrent(stream)) return;
    stream.lastArrival = this.#net.link.send(
      () => {
        if (this.#isCurrent(stream)) arrive();
      },
      { watch: true, notBefore: stream.lastArrival },
    );
  }

  #established(after: Bookmark, state: WatchState): void {
    this.#position = after;
    this.#wasLive = true;
    this.#sink.established(after, state.status === 'live' ? state.head : undefined);
  }

  #arrived(batch: WatchBatch): void {
    const { revision } = this.#position ?? { revision: 0 };
    if (batch.bookmark.revision <= revision) return;
    if (batch.kind === 'progress' && !this.#net.tellsProgress) return;
    this.#position = batch.bookmark;
    if (
      this.#sink.push(this.#asBackendTells(batch), batchBytes(batch)) === 'full' &&
      this.#state.status === 'following'
    ) {
      this.#net.count('watch budget used up');
      this.#leave();
      this.#state = { status: 'full' };
    }
  }

  /** On v2, the deletion of a directory is a single event, without its keys. */
  #asBackendTells(batch: WatchBatch): WatchBatch {
    const range = this.#net.backend === 'v2' ? this.#net.deletedRange(batch.bookmark.revision) : undefined;
    const deleted = range?.intersect(this.#range);
    if (deleted === undefined || this.#options.only === 'put') return batch;
    const event = { type: 'delete-range', revision: batch.bookmark.revision, range: deleted.toRange() } as const;
    return { ...batch, events: [event], undecodable: [] };
  }
}

const OVERTAKEN = new StoreError('aborted', 'the watch does not need this answer any more');

/** Whether the consumer must know the error. After all others the watch retries. */
function isRefusal(error: unknown): error is StoreError {
  return isStoreError(error, 'permission-denied') || isStoreError(error, 'unauthenticated');
}
