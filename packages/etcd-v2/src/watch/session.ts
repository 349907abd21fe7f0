import {
  StoreError,
  type StoreErrorCode,
  type Bookmark,
  type Clock,
  type Logger,
  type Revision,
  type WatchBatch,
} from '@holdfast/store';
import {
  Backoff,
  toStoreError,
  sleep,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  type WatchSink,
} from '@holdfast/store/adapter';
import type { V2Event } from '../json/codec.js';
import type { Connection } from '../connection/connection.js';
import type { Endpoint } from '../connection/endpoint.js';
import { HistoryCheck } from './history-check.js';
import { locate, type Located } from '../json/key-path.js';
import { LanePolls } from './lane-polls.js';
import { PollLanes, type Permits } from './poll-lanes.js';
import { translate } from './events.js';

/** What one watch shares with the others of its store. */
export interface WatchSessionOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly retry: { readonly initialMs: number; readonly maxMs: number };
  readonly permits: Permits;
}

/** A connection that lived at least this long, in milliseconds, ends without counting as a failure. */
const STEADY_MS = 1_000;

type State =
  /** Checking the history, or waiting for a retry. */
  | { readonly status: 'attaching' }
  | { readonly status: 'following'; readonly leave: () => void }
  /** The consumer's budget is used up: no poll is under way. */
  | { readonly status: 'paused'; readonly resumed: Promise<void>; readonly resume: () => void }
  | { readonly status: 'closed' };

/** Where the server is asked, once the history is known to be the same. */
interface Attached {
  readonly endpoint: Endpoint;
}

/**
 * One watch: checks the history by a linearizable read, then follows by long polls, and both again after each interruption. Only
 * delivered events move its position, never an answer's headers (docs/traps.md#trap-1).
 */
export class WatchSession implements DriverWatch {
  readonly #connection: Connection;
  readonly #range: KeyRange;
  readonly #located: Located;
  readonly #options: DriverWatchOptions;
  readonly #sink: WatchSink;
  readonly #setup: WatchSessionOptions;
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  readonly #history: HistoryCheck;
  readonly #running: Promise<void>;
  #state: State = { status: 'attaching' };
  /** Everything up to this index was delivered, or is not for this watch. */
  #cursor: Bookmark | undefined;

  constructor(
    connection: Connection,
    range: KeyRange,
    options: DriverWatchOptions,
    sink: WatchSink,
    setup: WatchSessionOptions,
  ) {
    this.#connection = connection;
    this.#range = range;
    this.#located = locate(range);
    this.#options = options;
    this.#sink = sink;
    this.#setup = setup;
    this.#backoff = new Backoff({ ...setup.retry, random: setup.random });
    this.#history = new HistoryCheck(connection, this.#located);
    this.#cursor = options.after;
    this.#running = this.#run();
  }

  resume(): void {
    if (this.#state.status === 'paused') this.#state.resume();
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { status: 'closed' };
    this.#closing.abort(new StoreError('closed', 'the watch was closed'));
    if (state.status === 'following') state.leave();
    if (state.status === 'paused') state.resume();
    await this.#running;
  }

  async #run(): Promise<void> {
    // The sink must not be told anything from within watch().
    await Promise.resolve();
    while (this.#isOpen()) {
      try {
        const attached = await this.#attach();
        await this.#follow(attached);
        await this.#untilResumed();
      } catch (error) {
        if (!this.#isOpen()) return;
        const cause = toStoreError(error);
        if (!isPassing(cause)) {
          this.#state = { status: 'closed' };
          this.#sink.fail(cause);
          return;
        }
        await this.#interrupted(cause);
      }
    }
  }

  /** Where the history stands: that it is still the same one, and reaches as far as this watch has come (C13). */
  async #attach(): Promise<Attached> {
    this.#state = { status: 'attaching' };
    const { signal } = this.#closing;
    const head = await this.#history.confirm(this.#cursor, signal);
    this.#cursor ??= head.bookmark;
    return { endpoint: head.endpoint };
  }

  /** Follows until the consumer's budget is used up or the watch is closed. Otherwise throws the reason. */
  async #follow({ endpoint }: Attached): Promise<void> {
    const cursor = this.#cursor;
    if (cursor === undefined || !this.#isOpen()) return;
    const { clock, permits } = this.#setup;
    const since = clock.now();
    const polls = new LanePolls(this.#connection, endpoint, this.#located);
    let established = false;
    let lanes: PollLanes | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        lanes = new PollLanes({
          clock,
          permits,
          poll: (from, handlers) =>
            polls.start(from, handlers, (point) => {
              this.#history.check(point, established ? from - 1 : undefined, cursor.identity);
              if (established) return;
              established = true;
              this.#sink.established(cursor);
            }),
          deliver: (event, index) => {
            // The consumer may have closed the watch over the event before.
            if (!this.#isOpen()) return false;
            this.#backoff.reset();
            if (this.#deliver(event, index, cursor.identity) === 'ok') return true;
            // Set at once: the consumer may drain its queue before this promise settles.
            this.#pause();
            resolve();
            return false;
          },
          fail: reject,
        });
        this.#state = { status: 'following', leave: resolve };
        lanes.start(cursor.revision);
      });
    } finally {
      lanes?.stop();
      if (established && clock.now() - since > STEADY_MS) this.#backoff.reset();
    }
  }

  #deliver(event: V2Event, index: number, identity: string): 'ok' | 'full' {
    const bookmark: Bookmark = { revision: index as Revision, identity };
    const told = translate(event, this.#range, this.#options);
    // Only after the event was translated: one that can't be must be polled again.
    this.#cursor = bookmark;
    if (told === undefined) return 'ok';
    const batch: WatchBatch = {
      kind: 'events',
      bookmark,
      events: told.kind === 'event' ? [told.event] : [],
      undecodable: told.kind === 'undecodable' ? [told.entry] : [],
    };
    return this.#sink.push(batch, weigh(batch));
  }

  async #interrupted(cause: StoreError): Promise<void> {
    this.#state = { status: 'attaching' };
    const range = this.#range.toString();
    this.#setup.logger.debug(`the watch of ${range} was interrupted: ${cause.message}`, { range, error: cause });
    this.#sink.interrupted(cause);
    // With jitter, so that a fleet does not come back in step, and never without delay (docs/traps.md#trap-12).
    await sleep(this.#setup.clock, this.#backoff.next(), this.#closing.signal).catch(() => undefined);
  }

  #pause(): void {
    if (!this.#isOpen()) return;
    let resume = (): void => undefined;
    const resumed = new Promise<void>((resolve) => {
      resume = resolve;
    });
    this.#state = { status: 'paused', resumed, resume };
    // Polls are all that there is of a connection. Nobody would notice now that the server is another one (C11).
    this.#sink.interrupted(
      new StoreError('unavailable', 'the watch asks for nothing until its consumer has caught up'),
    );
  }

  async #untilResumed(): Promise<void> {
    if (this.#state.status === 'paused') await this.#state.resumed;
  }

  // A function, since TypeScript takes a state that was looked at once for the same after an await.
  #isOpen(): boolean {
    return this.#state.status !== 'closed';
  }
}

/** Whether the error ends a watch (C12): the history is gone or changed, its user may not watch, its store is closed. */
const FINAL: readonly StoreErrorCode[] = [
  'compacted',
  'history-changed',
  'unauthenticated',
  'permission-denied',
  'closed',
  'aborted',
];

/**
 * Every other error may pass: a proxy may answer anything while the server restarts, and a certificate can be renewed on either side.
 * The state shows the error meanwhile.
 */
function isPassing(error: StoreError): boolean {
  return error.retryable || !FINAL.includes(error.code);
}

/** Roughly a batch's size in memory, in bytes. */
function weigh({ events }: WatchBatch): number {
  let bytes = 64;
  for (const event of events) {
    bytes += 200;
    if (event.type === 'put') bytes += 2 * event.current.key.length + event.current.value.byteLength;
    if (event.type !== 'delete-range') bytes += event.previous?.value.byteLength ?? 0;
  }
  return bytes;
}
