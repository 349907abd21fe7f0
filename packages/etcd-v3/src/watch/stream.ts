import { StoreError, type Logger } from '@holdfast/store';
import { Fifo } from '@holdfast/store/adapter';
import {
  decodeWatchResponse,
  encodeCancel,
  encodeCreate,
  encodeProgressRequest,
  nextPartOf,
  type CreateRequest,
  type EventReader,
  type WatchResponse,
} from '../protobuf/watch.js';
import { answerPoint } from '../protobuf/answer-point.js';
import { badAnswer } from '../protobuf/bad-answer.js';
import { asStoreError, serverEnd } from './errors.js';
import { LateEvent } from './events.js';
import { FragmentRules, type FragmentOptions } from './fragments.js';
import { ProgressLedger, progressIsOrdered, ProgressTimer } from './progress.js';
import { MessagePump } from './pump.js';
import { PROBE, ProbeFollower, SilenceDetector } from './silence.js';
import {
  WatchSubscription,
  type SubscriptionHost,
  type SubscriptionState,
  type WatchFollower,
} from './subscription.js';
import type { WatchCall, WatchCallHandlers } from '../connection/transport.js';
import type { VersionEvidence } from '../connection/version-evidence.js';

export interface WatchStreamOptions extends FragmentOptions {
  readonly random: () => number;
  readonly logger: Logger;
  /** Milliseconds from any beginning. It measures slices of work. */
  readonly stopwatch: () => number;
  /** The interval between requests for progress, on servers that answer in order. In milliseconds. */
  readonly progressMs: number;
  readonly silenceMs: number;
}

/** A stream reports to its owner. */
export interface WatchStreamOwner {
  /** The stream is over. Called before its followers are. `silent`: nothing arrived any more. */
  ended(stream: WatchStream, cause: StoreError, how: 'closed by the server' | 'silent'): void;
  /** The server has confirmed a watch. */
  confirmed(stream: WatchStream): void;
  /** No watch is left on it. */
  emptied(stream: WatchStream): void;
}

/** See {@link WatchTransport.versionOf}. */
export type VersionOf = (memberId: string, signal: AbortSignal) => Promise<VersionEvidence | undefined>;

type StreamState =
  | { readonly name: 'opening' }
  | { readonly name: 'open'; readonly call: WatchCall; readonly timers: StreamTimers }
  | { readonly name: 'over' };

interface StreamTimers {
  readonly silence: SilenceDetector;
  readonly progress: ProgressTimer;
}

// The number of events that are decoded between two looks at the clock.
const EVENTS_PER_STEP = 64;
const UNREADABLE = 'a watch response could not be read';

/**
 * One Watch call and all watches on it. etcd handles requests one by one, and answers creations in order, before anything else of the
 * watch. The ids are the server's. It never uses one twice on a stream.
 */
export class WatchStream implements WatchCallHandlers, SubscriptionHost {
  readonly #options: WatchStreamOptions;
  readonly #owner: WatchStreamOwner;
  readonly #pump: MessagePump;
  readonly #creating = new Fifo<WatchSubscription>();
  readonly #active = new Map<number, WatchSubscription>();
  readonly #ledger = new ProgressLedger();
  readonly #leavers = new Set<(cause: StoreError) => void>();
  /** The watches that were cancelled, until the server says so. */
  readonly #left = new Set<number>();
  readonly #fragments: FragmentRules;
  /** The response whose next part is to come. */
  #begun: WatchResponse | undefined;
  #state: StreamState = { name: 'opening' };
  #endpoint = '';
  #raftTerm = 0;
  /** Of the member that serves the stream, as its own headers say. */
  #memberId = '0';
  #wanted = 0;

  constructor(options: WatchStreamOptions, owner: WatchStreamOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#fragments = new FragmentRules(options);
    const flow = {
      pause: () => {
        if (this.#state.name === 'open') this.#state.call.pause();
      },
      resume: () => {
        if (this.#state.name === 'open') this.#state.call.resume();
      },
    };
    this.#pump = new MessagePump((message, more) => this.#receive(message, more), flow, options.stopwatch);
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  get raftTerm(): number {
    return this.#raftTerm;
  }

  /** The number of wanted watches. */
  get size(): number {
    return this.#wanted;
  }

  /** Takes the call that was opened with this stream as its handlers. `false` if the call has ended already. */
  begin(call: WatchCall, versionOf: VersionOf): boolean {
    if (this.#state.name !== 'opening') return false;
    this.#endpoint = call.endpoint;
    const silence = new SilenceDetector(
      this.#options,
      () => {
        this.#probe();
      },
      (silentMs) => {
        this.#onSilent(silentMs);
      },
    );
    const progress = new ProgressTimer(this.#options, {
      isOrdered: async (signal) => progressIsOrdered(await versionOf(this.#memberId, signal)),
      isAnswered: () => this.#ledger.isAnswered,
      ask: () => {
        this.#askProgress();
      },
      unknown: () => {
        this.#options.logger.warn(
          `etcd at ${this.#endpoint} is not asked for progress, since its version is not known: idle watches wait for it`,
          { endpoint: this.#endpoint },
        );
      },
    });
    this.#state = { name: 'open', call, timers: { silence, progress } };
    return true;
  }

  /** Calls back when the stream is over for any reason, for sessions without a watch on it. Returns a function that unsubscribes. */
  onOver(listener: (cause: StoreError) => void): () => void {
    this.#leavers.add(listener);
    return () => this.#leavers.delete(listener);
  }

  create(request: CreateRequest, follower: WatchFollower): WatchSubscription {
    const subscription = new WatchSubscription(this, follower, this.#ledger.asked);
    if (this.#state.name !== 'open') {
      subscription.finish();
      return subscription;
    }
    this.#wanted += 1;
    this.#creating.push(subscription);
    this.#state.call.write(encodeCreate(request));
    this.#state.timers.silence.expect();
    return subscription;
  }

  release(_subscription: WatchSubscription, was: SubscriptionState): void {
    this.#wanted -= 1;
    if (was.name === 'active') {
      this.#active.delete(was.id);
      this.#cancel(was.id);
    }
    if (this.#wanted === 0) this.#owner.emptied(this);
  }

  /** Ends the call, and with it all watches at the server. With a cause, their followers are notified. */
  close(cause?: StoreError): void {
    if (this.#state.name === 'over') return;
    if (this.#state.name === 'open') this.#state.call.cancel();
    this.#enterOver();
    const subscriptions = this.#takeAll();
    if (cause !== undefined) for (const { follower } of subscriptions) follower.lost(cause);
    const leavers = [...this.#leavers];
    this.#leavers.clear();
    const end =
      cause ?? new StoreError('unavailable', 'the watch stream is no longer used', { endpoint: this.#endpoint });
    for (const told of leavers) told(end);
  }

  onMessage(message: Buffer, more = false): void {
    if (this.#state.name !== 'open') return;
    this.#state.timers.silence.heard();
    this.#pump.push(message, more);
  }

  onEnd(error: StoreError): void {
    // Messages before the end are still valid.
    this.#pump.finish(() => {
      this.#end(error, 'closed by the server');
    });
  }

  #end(cause: StoreError, how: 'closed by the server' | 'silent'): void {
    if (this.#state.name === 'over') return;
    this.#owner.ended(this, cause, how);
    this.close(cause);
  }

  #enterOver(): void {
    if (this.#state.name === 'open') {
      this.#state.timers.silence.stop();
      this.#state.timers.progress.stop();
    }
    this.#state = { name: 'over' };
    this.#pump.stop();
  }

  /** Empties the stream. Gives the subscriptions that are still wanted. */
  #takeAll(): WatchSubscription[] {
    const wanted: WatchSubscription[] = [...this.#active.values()];
    this.#active.clear();
    for (let next = this.#creating.shift(); next !== undefined; next = this.#creating.shift()) {
      if (next.state.name === 'creating') wanted.push(next);
    }
    for (const subscription of wanted) subscription.finish();
    this.#wanted = 0;
    return wanted;
  }

  /** The rest of the work, where a message has more events than one step takes. */
  #receive(message: Buffer, more: boolean): Iterator<void> | undefined {
    let rest: Iterator<void> | undefined;
    try {
      const begun = this.#begun;
      const response = begun === undefined ? decodeWatchResponse(message, more) : nextPartOf(begun, message, more);
      this.#begun = more ? response : undefined;
      this.#fragments.next(response, message.length, this.#endpoint);
      if (response.header.raftTerm > this.#raftTerm) this.#raftTerm = response.header.raftTerm;
      if (begun !== undefined && response.events !== undefined) rest = this.#onEvents(response, response.events);
      else if (response.created) this.#onCreated(response, message);
      else if (response.canceled) this.#onCanceled(response);
      else if (response.events !== undefined) rest = this.#onEvents(response, response.events);
      else this.#onProgress(response);
      if (this.#state.name === 'open') this.#state.timers.silence.heard();
    } catch (error) {
      // Thrown on, it would end in gRPC, and the stream never.
      this.#unusable(error);
    }
    return rest;
  }

  #onCreated(response: WatchResponse, message: Buffer): void {
    const subscription = this.#creating.shift();
    // Going on would let it fill the log, or give one watch the id of another.
    if (subscription === undefined) throw badAnswer('etcd confirmed a watch that nobody had asked for');
    const abandoned = subscription.state.name === 'abandoned';
    // A refusal sets `created` and `canceled` both (docs/traps.md#trap-5). Its id means nothing.
    if (response.canceled) {
      subscription.finish();
      if (abandoned) return;
      subscription.follower.ended(serverEnd(response, 'refused'));
      this.#drop();
      return;
    }
    const { watchId } = response;
    if (watchId < 0 || this.#active.has(watchId)) {
      const error = badAnswer(`etcd confirmed a watch by the id ${watchId}, which can't be its own`);
      subscription.finish();
      if (!abandoned) {
        this.#wanted -= 1;
        subscription.follower.failed(error);
      }
      throw error;
    }
    if (abandoned) {
      subscription.finish();
      this.#cancel(watchId);
      return;
    }
    subscription.confirm(watchId, response.header.revision);
    this.#active.set(watchId, subscription);
    this.#memberId = answerPoint(message)?.memberId ?? '0';
    if (this.#state.name === 'open') {
      this.#state.timers.progress.start();
      this.#state.timers.progress.soon();
    }
    this.#owner.confirmed(this);
    subscription.follower.created(response.header);
  }

  #onCanceled(response: WatchResponse): void {
    const subscription = this.#active.get(response.watchId);
    if (subscription === undefined) {
      // This answers our own cancellation, after which no event can come.
      this.#left.delete(response.watchId);
      return;
    }
    this.#active.delete(response.watchId);
    subscription.finish();
    // The server goes on counting a watch that it ended for compaction, until it is cancelled (docs/traps.md#trap-15).
    this.#cancel(response.watchId);
    subscription.follower.ended(serverEnd(response, 'canceled'));
    this.#drop();
  }

  /** One watch less is wanted, because the server ended it. */
  #drop(): void {
    if (this.#state.name === 'over') return;
    this.#wanted -= 1;
    if (this.#wanted === 0) this.#owner.emptied(this);
  }

  #onEvents(response: WatchResponse, events: EventReader): Iterator<void> | undefined {
    const subscription = this.#active.get(response.watchId);
    if (subscription === undefined) {
      // On their way when the watch was cancelled. Of any other id they may be those of a watch here, which then misses them.
      if (this.#left.has(response.watchId)) return undefined;
      throw badAnswer(`etcd sent events of a watch ${response.watchId}, which this stream does not have`);
    }
    return this.#deliver(subscription, response, events)
      ? undefined
      : this.#deliverRest(subscription, response, events);
  }

  /** Delivers as many events as one step takes. Returns whether nothing is left of them. */
  #deliver(subscription: WatchSubscription, response: WatchResponse, events: EventReader): boolean {
    const { assembler, follower } = subscription;
    try {
      for (let count = 0; count < EVENTS_PER_STEP; count += 1) {
        // The follower may have ended it just now, or while the event loop turned.
        if (subscription.state.name !== 'active') return true;
        if (!events.next()) {
          const last = response.more ? undefined : assembler.flush();
          if (last !== undefined) follower.revision(last);
          return true;
        }
        const completed = assembler.add(events, response.header.revision);
        if (completed !== undefined) follower.revision(completed);
      }
      return false;
    } catch (error) {
      if (subscription.state.name !== 'active') throw error;
      subscription.cancel();
      if (error instanceof LateEvent) follower.late(error.error);
      else follower.failed(asStoreError(error, UNREADABLE));
      return true;
    }
  }

  *#deliverRest(
    subscription: WatchSubscription,
    response: WatchResponse,
    events: EventReader,
  ): Generator<void, void, void> {
    try {
      while (!this.#deliver(subscription, response, events)) yield;
      if (this.#state.name === 'open') this.#state.timers.silence.heard();
    } catch (error) {
      this.#unusable(error);
    }
  }

  #onProgress(response: WatchResponse): void {
    const { revision } = response.header;
    // It may have been events, of which nothing is left.
    if (revision < 1) throw badAnswer('etcd sent a watch response without events and without a revision');
    if (response.watchId >= 0) {
      this.#active.get(response.watchId)?.follower.progress(revision);
      return;
    }
    const speaksFor = this.#ledger.answer(revision, this.#active.values());
    for (const subscription of [...this.#active.values()]) {
      if (subscription.state.name === 'active' && speaksFor(subscription)) subscription.follower.progress(revision);
    }
  }

  /** What the server sent can't be used, whichever watch it was for. All of them go on over another stream. */
  #unusable(error: unknown): void {
    this.#end(asStoreError(error, UNREADABLE), 'closed by the server');
  }

  #askProgress(): void {
    if (this.#state.name !== 'open' || this.#active.size === 0) return;
    this.#ledger.ask();
    this.#state.call.write(encodeProgressRequest());
  }

  #probe(): void {
    if (this.#state.name !== 'open' || this.#active.size === 0) return;
    const follower = new ProbeFollower();
    follower.subscription = this.create(PROBE, follower);
  }

  #onSilent(silentMs: number): void {
    const message = `${this.#endpoint} has sent nothing on its watch stream for ${silentMs} ms, though it was asked`;
    this.#end(new StoreError('unavailable', message, { endpoint: this.#endpoint }), 'silent');
  }

  #cancel(id: number): void {
    if (this.#state.name !== 'open') return;
    this.#left.add(id);
    this.#state.call.write(encodeCancel(id));
  }
}
