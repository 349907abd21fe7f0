import {
  StoreError,
  type Bookmark,
  type Clock,
  type Logger,
  type Revision,
  type TimerHandle,
  type WatchBatch,
} from '@holdfast/store';
import {
  Backoff,
  KeyRange,
  keySuccessor,
  type DriverWatch,
  type DriverWatchOptions,
  type WatchSink,
} from '@holdfast/store/adapter';
import { badAnswer } from '../protobuf/bad-answer.js';
import { rangeBounds } from '../protobuf/range.js';
import type { RawHeader } from '../protobuf/header.js';
import { checkEvents, type RevisionGroup } from './events.js';
import { asStoreError, cancelError, compactedError, endsWatch, historyChanged, type ServerEnd } from './errors.js';
import type { LinkMember, WatchLink, WatchLinkOptions } from './link.js';
import { WatchPosition } from './position.js';
import type { SeenHistories } from './seen-histories.js';
import type { WatchStream } from './stream.js';
import type { WatchFollower, WatchSubscription } from './subscription.js';
import { proofOfOtherHistory } from './history-check.js';
import type { LinearizableHead, WatchTransport } from '../connection/transport.js';

export type WatchSessionOptions = Pick<WatchLinkOptions, 'clock' | 'logger' | 'random' | 'backoff' | 'stableMs'>;

/** What one watch shares with the others of its store. */
export interface WatchSessionHost {
  readonly transport: WatchTransport;
  readonly link: WatchLink;
  readonly options: WatchSessionOptions;
  readonly seen: SeenHistories;
  /** It has ended, for whatever reason. */
  readonly onEnd: (session: WatchSession) => void;
}

type SessionState =
  /** Asks for the store's head, or whether a suspicion is true, or whether a refusal is. */
  | { readonly name: 'reading'; readonly abort: AbortController }
  /** Wants the stream. */
  | { readonly name: 'joining' }
  | { readonly name: 'creating'; readonly stream: WatchStream; readonly subscription: WatchSubscription }
  | {
      readonly name: 'following';
      readonly stream: WatchStream;
      readonly subscription: WatchSubscription;
      readonly since: number;
      /** The bookmark's revision when it began. */
      readonly from: number;
    }
  /** This watch alone has met trouble, and waits before it tries again. */
  | { readonly name: 'resting'; readonly timer: TimerHandle }
  /**
   * Nothing is asked of the server: not begun yet, or the consumer's queue is full (C11). What is in the queue came over a stream
   * whose loss is told all the same: whoever has not taken it yet must know that its connection is gone (M8).
   */
  | { readonly name: 'parked'; readonly forget?: () => void }
  | { readonly name: 'closed' };

// A follower that is behind by a heartbeat has caught up by the second try; after this many another one is asked.
const LAGS_BEFORE_MOVING = 3;
// Denials in a row that a read contradicts each time: more than changes of users and roles can explain.
const DOUBTED_DENIALS = 10;
// What a progress batch takes in memory.
const PROGRESS_BYTES = 200;

/** One watch as its consumer sees it (C10 to C13): a position, and the way to go on from it. */
export class WatchSession implements DriverWatch, LinkMember, WatchFollower {
  readonly #range: KeyRange;
  readonly #options: DriverWatchOptions;
  readonly #sink: WatchSink;
  readonly #host: WatchSessionHost;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #backoff: Backoff;
  readonly #life = new AbortController();
  #state: SessionState = { name: 'parked' };
  readonly #position: WatchPosition;
  /** The last progress that was told. */
  #progress: number | undefined;
  #lags = 0;
  #lagging: WatchStream | undefined;
  #renewals = 0;

  /** @throws StoreError `internal` for a range that holds no key */
  constructor(range: KeyRange, options: DriverWatchOptions, sink: WatchSink, host: WatchSessionHost) {
    this.#range = range;
    // Refuses what must not be sent.
    rangeBounds(range);
    this.#options = options;
    this.#sink = sink;
    this.#host = host;
    this.#clock = host.options.clock;
    this.#logger = host.options.logger;
    this.#backoff = new Backoff({ ...host.options.backoff, random: host.options.random });
    this.#position = new WatchPosition(range, options.after, host.seen);
  }

  /** Begins. Nothing is told to the sink before this returns. */
  start(): void {
    this.resume();
  }

  /** The consumer has drained its queue. */
  resume(): void {
    if (this.#state.name === 'parked') this.#proceed();
  }

  close(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  // As a member of the link.

  attach(stream: WatchStream): void {
    if (this.#state.name !== 'joining') return;
    const subscription = stream.create(this.#position.request(this.#options), this);
    if (subscription.state.name === 'creating') this.#enter({ name: 'creating', stream, subscription });
    else this.#host.link.join(this);
  }

  trouble(cause: StoreError): void {
    if (endsWatch(cause)) this.#fail(cause);
    else this.#sink.interrupted(cause);
  }

  // As the follower of its watch at the server.

  created(header: RawHeader): void {
    if (this.#state.name !== 'creating') return;
    const { stream, subscription } = this.#state;
    const suspicion = this.#position.suspicionOf(header);
    if (suspicion !== undefined) {
      const cause = new StoreError('unavailable', `${stream.endpoint} answered with ${suspicion}; asking the cluster`, {
        endpoint: stream.endpoint,
      });
      this.#interrupt(cause);
      this.#settleSuspicion(stream);
      return;
    }
    this.#lags = 0;
    this.#renewals = 0;
    const bookmark = this.#position.begin(header);
    this.#enter({ name: 'following', stream, subscription, since: this.#clock.now(), from: bookmark.revision });
    const { revision: head } = header;
    // A proxy may tell none.
    this.#sink.established(bookmark, head < bookmark.revision ? undefined : (head as Revision));
  }

  revision(group: RevisionGroup): void {
    if (this.#state.name !== 'following') return;
    // The watch began at the bookmark's own revision (WatchPosition.request), and may be the second one to bring these.
    if (group.revision <= this.#state.from) {
      this.#confirm();
      return;
    }
    const { bookmark } = this.#position.known;
    if (group.revision <= bookmark.revision) {
      this.late(badAnswer(`etcd sent events of revision ${group.revision} after progress to ${bookmark.revision}`));
      return;
    }
    try {
      checkEvents(group, this.#range, this.#options.only);
    } catch (error) {
      this.failed(asStoreError(error, 'a revision could not be checked'));
      return;
    }
    const { revision, events, undecodable, bytes } = group;
    const reached: Bookmark = { revision, identity: bookmark.identity };
    this.#push({ kind: 'events', bookmark: reached, events, undecodable }, bytes);
  }

  progress(revision: number): void {
    const { bookmark } = this.#position.known;
    // A watch that starts in the future may get older progress: it never lowers a bookmark.
    if (this.#state.name !== 'following' || revision < bookmark.revision) return;
    // An idle server answers the same each time, to each watch: told again, it would only wake everyone up.
    if (revision === this.#progress) return;
    this.#progress = revision;
    const reached: Bookmark = { revision: revision as Revision, identity: bookmark.identity };
    this.#push({ kind: 'progress', bookmark: reached, events: [], undecodable: [] }, PROGRESS_BYTES);
  }

  ended(end: ServerEnd): void {
    const endpoint = this.#stream()?.endpoint;
    switch (end.kind) {
      case 'compacted': {
        const { bookmark } = this.#position.known;
        if (end.compactRevision > bookmark.revision) {
          this.#fail(compactedError(this.#range, bookmark, end.compactRevision, endpoint));
        } else {
          // Nothing is gone that this watch still needs.
          this.failed(
            badAnswer(`etcd ended a watch from ${bookmark.revision} for compaction at ${end.compactRevision}`),
          );
        }
        return;
      }
      case 'refused':
      case 'canceled':
        this.#refused(cancelError(end.reason, endpoint ?? 'etcd'));
        return;
      default:
        end satisfies never;
    }
  }

  failed(error: StoreError): void {
    // All that came before is good: the watch begins again from there, after a while.
    this.#interrupt(error);
    this.#rest();
  }

  late(error: StoreError): void {
    this.#fail(error);
  }

  lost(cause: StoreError): void {
    // Want of a token passes once: the link has a new one fetched.
    if (endsWatch(cause) && cause.code !== 'unauthenticated') {
      this.#fail(cause);
      return;
    }
    this.#interrupt(cause);
    this.#proceed();
  }

  // The steps. A sink may close its watch whenever it is told something: each step looks whether there is one still.

  #proceed(): void {
    if (this.#state.name === 'closed') return;
    if (this.#position.bookmark === undefined) {
      this.#readHead();
      return;
    }
    this.#enter({ name: 'joining' });
    this.#host.link.join(this);
  }

  #readHead(): void {
    this.#read(firstKey(this.#range), undefined, (head) => {
      this.#position.noteHead(head);
      this.#proceed();
    });
  }

  /**
   * A watch that began now may have brought something from before its beginning. Servers from 3.6 on begin a watch and look at their
   * head after that: a write may come between. Or there is no such head, and what comes up to it would be left out in silence.
   */
  #confirm(): void {
    const beginning = this.#position.takeUnread();
    if (beginning === undefined) return;
    this.#host.transport.linearizableHead(firstKey(this.#range), { signal: this.#life.signal }).then(
      (head) => {
        const proof = proofOfOtherHistory(head, beginning);
        if (proof !== undefined) this.#fail(historyChanged(this.#range, proof, head.endpoint));
      },
      () => {
        // The next one asks again.
        this.#position.putBack(beginning);
      },
    );
  }

  #settleSuspicion(stream: WatchStream): void {
    this.#read(firstKey(this.#range), stream.endpoint, (head) => {
      const verdict = this.#position.judge(head);
      if (verdict === 'behind') this.#behind(stream);
      else if (verdict === 'back') this.#proceed();
      else this.#fail(historyChanged(this.#range, verdict.proof, head.endpoint));
    });
  }

  /** The member is only behind: it is given a moment, and then another one is asked. */
  #behind(stream: WatchStream): void {
    this.#lags = this.#lagging === stream ? this.#lags + 1 : 1;
    this.#lagging = stream;
    if (this.#lags >= LAGS_BEFORE_MOVING) {
      const message = `${stream.endpoint} stays behind the cluster; trying another member`;
      this.#host.link.abandon(stream, new StoreError('unavailable', message, { endpoint: stream.endpoint }));
    }
    this.#rest();
  }

  #refused(error: StoreError): void {
    const stream = this.#stream();
    this.#interrupt(error);
    // A stream keeps the token that it was opened with: only another stream brings another one.
    if (error.code === 'unauthenticated') this.#renew(error, stream, error.retryable ? Infinity : 1);
    else if (error.code === 'permission-denied') this.#doubtDenial(error, stream);
    else if (endsWatch(error)) this.#fail(error);
    else this.#rest();
  }

  /**
   * etcd 3.4 says "permission denied" of an expired token too, and of a JWT that a change of users or roles has made old. A
   * read, whose token is renewed, tells them apart: it is refused where the watch really is.
   */
  #doubtDenial(denial: StoreError, stream: WatchStream | undefined): void {
    this.#read(this.#range, undefined, () => {
      this.#renew(denial, stream, DOUBTED_DENIALS);
    });
  }

  /** @param most how often in a row that may be needed */
  #renew(error: StoreError, stream: WatchStream | undefined, most: number): void {
    if (this.#state.name === 'closed') return;
    this.#renewals += 1;
    if (this.#renewals > most) {
      this.#fail(error);
      return;
    }
    // Only once for all watches of the stream: a second time would throw away the token that the first one got.
    if (stream !== undefined && this.#host.link.retire(stream)) this.#host.transport.refreshToken();
    if (this.#renewals === 1) this.#proceed();
    else this.#rest();
  }

  /** A linearizable read, tried again until it answers or fails for good. */
  #read(range: KeyRange, avoid: string | undefined, then: (head: LinearizableHead) => void): void {
    if (this.#state.name === 'closed') return;
    const abort = new AbortController();
    this.#enter({ name: 'reading', abort });
    this.#host.transport.linearizableHead(range, { avoid, signal: abort.signal }).then(
      (head) => {
        if (!abort.signal.aborted) then(head);
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const cause = asStoreError(error, "the store's head could not be read");
        if (endsWatch(cause)) {
          this.#fail(cause);
          return;
        }
        this.#sink.interrupted(cause);
        this.#rest();
      },
    );
  }

  /** Waits, then begins again from the bookmark. */
  #rest(): void {
    if (this.#state.name === 'closed') return;
    const timer = this.#clock.setTimeout(() => {
      this.#proceed();
    }, this.#backoff.next());
    this.#enter({ name: 'resting', timer });
  }

  #interrupt(cause: StoreError): void {
    if (this.#state.name === 'following' && this.#clock.now() - this.#state.since >= this.#host.options.stableMs) {
      this.#backoff.reset();
    }
    const range = this.#range.toString();
    this.#logger.debug(`the watch of ${range} was interrupted: ${cause.message}`, { range, error: cause });
    this.#sink.interrupted(cause);
  }

  #push(batch: WatchBatch, bytes: number): void {
    this.#position.moveTo(batch.bookmark);
    const room = this.#sink.push(batch, bytes);
    // The sink may have closed this watch meanwhile.
    if (room === 'full') this.#park(this.#stream());
  }

  #park(stream: WatchStream | undefined): void {
    if (stream === undefined) return;
    const forget = stream.onOver((cause) => {
      this.#interrupt(cause);
    });
    this.#enter({ name: 'parked', forget });
  }

  #fail(error: StoreError): void {
    if (this.#state.name === 'closed') return;
    this.#end();
    this.#sink.fail(error);
  }

  #end(): void {
    if (this.#state.name === 'closed') return;
    this.#enter({ name: 'closed' });
    this.#life.abort(OVERTAKEN);
    this.#position.close();
    this.#host.onEnd(this);
  }

  /** The one place where the state changes. What the old one held is let go, at the server too (docs/traps.md#trap-15). */
  #enter(next: SessionState): void {
    const previous = this.#state;
    if (previous.name === 'closed') return;
    this.#state = next;
    switch (previous.name) {
      case 'reading':
        previous.abort.abort(OVERTAKEN);
        break;
      case 'joining':
        if (next.name !== 'creating') this.#host.link.leave(this);
        break;
      case 'creating':
      case 'following':
        // Not of a member whose `created` is suspect: one that is cut off may tell a term that its cluster never came to.
        if (previous.name === 'following' || next.name === 'following') {
          this.#position.noteTerm(previous.stream.raftTerm);
        }
        if (!('subscription' in next) || next.subscription !== previous.subscription) previous.subscription.cancel();
        break;
      case 'resting':
        this.#clock.clearTimeout(previous.timer);
        break;
      case 'parked':
        previous.forget?.();
        break;
      default:
        previous satisfies never;
    }
  }

  #stream(): WatchStream | undefined {
    return this.#state.name === 'creating' || this.#state.name === 'following' ? this.#state.stream : undefined;
  }
}

const OVERTAKEN = new StoreError('aborted', 'the watch does not need this answer any more');

/** For reads of the head: any key of the range will do, and etcd walks all of a range even where one key is wanted of it. */
function firstKey({ start }: KeyRange): KeyRange {
  return KeyRange.ofInterval(start, keySuccessor(start));
}
