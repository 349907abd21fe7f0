import {
  isStoreError,
  type Bookmark,
  type CallOptions,
  type ConfigStore,
  type LeaseId,
  type ListResult,
  type Logger,
  type Range,
  type Revision,
} from '@holdfast/store';
import { Backoff, quoted, sleep } from '@holdfast/store/adapter';
import { sessionLost } from '../errors.js';
import { ticketOf, type Ticket } from '../names.js';
import { Caller } from '../util/caller.js';
import type { SessionClock } from '../util/elapsed.js';
import { GivenBackKeys } from './given-back-keys.js';
import type { Lifetime } from './lifetime.js';

export interface ContextParts {
  readonly store: ConfigStore;
  readonly clock: SessionClock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly lease: LeaseId;
  readonly life: Lifetime;
}

/** How long to wait after a refusal: somebody has to change something first. */
const REFUSED = { initialMs: 1_000, maxMs: 10_000 };

/** A session with so many keys, most of them its user's, is asked for all of them only now and then. */
const MANY_KEYS = 1_000;
const MANY_KEYS_REST = 15;

/** What the locks of one session share. */
export class SessionContext extends Caller {
  readonly logger: Logger;
  readonly lease: LeaseId;
  readonly life: Lifetime;
  readonly #givenBack = new GivenBackKeys();
  #tickets = 0;
  /** The unique parts of keys that are gone. */
  readonly #unused = new Set<string>();
  #newest: Bookmark | undefined;
  /** A key that this session may read. */
  #readable: string | undefined;
  #isLooking = false;
  /** How many looks for old keys are left out. */
  #restsLeft = 0;

  constructor({ store, clock, random, logger, lease, life }: ContextParts) {
    super(store, clock, random);
    this.logger = logger;
    this.lease = lease;
    this.life = life;
  }

  /** Keys for one attempt to enter a queue, unlike those of any other attempt of which anything may still be on its way. */
  newTicket(name: string): Ticket {
    const ticket = ticketOf(name, this.lease, this.#takeUnique());
    this.#givenBack.claim(ticket.key);
    this.#readable = ticket.key;
    return ticket;
  }

  /**
   * A key was removed, and its next user may have the same. Only the transaction that removed it may say so, or two users would have one key at the same
   * time. A server keeps each key that there ever was in its index until a compaction, and reads all of those of a queue with it: with a key of its own for
   * each holder, a lock would become slower each time that it is taken.
   */
  reuse(key: string): void {
    this.#unused.add(key.slice(key.lastIndexOf('-') + 1));
  }

  /** A key of this session is not there, and nothing on its way will write it. To be said once, and before {@link reuse}. */
  giveBack(key: string): void {
    this.#givenBack.add(key);
  }

  #takeUnique(): string {
    const [unused] = this.#unused;
    if (unused !== undefined) {
      this.#unused.delete(unused);
      return unused;
    }
    this.#tickets += 1;
    const random = Math.floor(this.random() * 36 ** 8).toString(36);
    return `${this.#tickets.toString(36)}${random.padStart(8, '0')}`;
  }

  /** The same; a lease that is gone ends the session. */
  override async insist<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await super.insist(work, signal);
    } catch (error) {
      throw this.explained(error);
    }
  }

  override async insistOnWrite<T>(work: (limits: CallOptions) => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await super.insistOnWrite(work, signal);
    } catch (error) {
      throw this.explained(error);
    }
  }

  /**
   * Repeats what must happen at last, also after refusals, until it succeeds, the session is over, or the store is closed.
   *
   * @param what for the logger, which hears of the first refusal
   */
  async persist<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      return this.persistAfter(error, what, work);
    }
  }

  /** The same for work that has just been refused. */
  async persistAfter<T>(refusal: unknown, what: string, work: () => Promise<T>): Promise<T> {
    this.#throwIfLast(refusal);
    this.logger.warn(`${what} was refused; it is made again until the store allows it, or the session ends`, {
      error: refusal,
    });
    const backoff = new Backoff({ ...REFUSED, random: this.random });
    for (;;) {
      await sleep(this.clock, backoff.next(), this.life.over);
      try {
        return await work();
      } catch (error) {
        this.#throwIfLast(error);
      }
    }
  }

  #throwIfLast(error: unknown): void {
    if (this.life.reason !== undefined || isStoreError(error, 'closed')) throw error;
  }

  /** The error to tell for a failed call: a lease that is gone ends the session, and is told as its loss. */
  explained(error: unknown): unknown {
    if (!isStoreError(error, 'lease-not-found')) return error;
    this.life.end(sessionLost(`lease ${this.lease} of the session is gone`, error));
    return this.life.reason ?? error;
  }

  /** The newest state that this session has seen, and so the history that it lives in. A request takes it along as it is sent. */
  get newest(): Bookmark | undefined {
    return this.#newest;
  }

  /**
   * Notes the state that an answer tells. Answers may come in any order, so each is compared with what was known when its own request was
   * sent: no answer of the same history is older than that.
   *
   * @param sentAfter {@link newest}, as the request was sent
   * @throws StoreError `session-lost` where the answer is of another history: the store was restored from a backup
   */
  noteState(answered: Bookmark, sentAfter: Bookmark | undefined): void {
    const newest = this.#newest ?? answered;
    if (answered.identity !== newest.identity || answered.revision < (sentAfter?.revision ?? 0)) {
      this.life.end(
        sessionLost(
          `the store was restored or replaced: it is at revision ${answered.revision}, after ${newest.revision}`,
        ),
      );
    }
    this.life.over.throwIfAborted();
    this.#newest = answered.revision > newest.revision ? answered : newest;
  }

  /** Notes the revision of a write of this session: a store that is at less later on has gone back. */
  noteRevision(revision: Revision): void {
    if (this.#newest !== undefined && revision > this.#newest.revision) this.#newest = { ...this.#newest, revision };
  }

  /**
   * Reads what is there now, as {@link insist} does.
   *
   * @throws StoreError also `session-lost`, where the list is of another history than the session
   */
  async listNow(range: Range, signal: AbortSignal): Promise<ListResult> {
    const sentAfter = this.#newest;
    const list = await this.insist((own) => this.store.list(range, { keysOnly: true, signal: own }), signal);
    this.noteState(list.bookmark, sentAfter);
    return list;
  }

  /**
   * Looks whether the store still has the history that the session lives in. In a restored store a session that holds nothing would not notice, and its
   * lease would keep keys there that it gave back long ago, in everybody's way. A look that fails says nothing: the next one comes soon.
   */
  async lookAtHistory(): Promise<void> {
    const key = this.#readable;
    if (key === undefined || this.#newest === undefined || this.#isLooking) return;
    this.#isLooking = true;
    const sentAfter = this.#newest;
    const isGivenBack = this.#givenBack.look();
    try {
      const { bookmark } = await this.call(
        (signal) => this.store.list({ key }, { countOnly: true, signal }),
        this.life.signal,
      );
      this.noteState(bookmark, sentAfter);
      await this.#lookForOldKeys(isGivenBack);
    } catch {
      // Where the session was lost by that, it says so.
    } finally {
      this.#isLooking = false;
    }
  }

  /** A backup that the store has overtaken looks by its revisions as if it continued. It has keys that the session gave back since. */
  async #lookForOldKeys(isGivenBack: (key: string) => boolean): Promise<void> {
    if (this.#restsLeft > 0) {
      this.#restsLeft -= 1;
      return;
    }
    const { store, life, lease } = this;
    const { keys = [] } = await this.call(
      (signal) => store.leases.timeToLive(lease, { keys: true, signal }),
      life.signal,
    );
    if (keys.length > MANY_KEYS) this.#restsLeft = MANY_KEYS_REST;
    // A member may tell of a lease what it was a moment ago, so the key itself is read.
    for (const key of keys.filter(isGivenBack)) {
      const { items } = await this.call((signal) => store.list({ key }, { keysOnly: true, signal }), life.signal);
      if (items.length === 0 || !isGivenBack(key)) continue;
      life.end(sessionLost(`the store was restored: it has key ${quoted(key)} again, which the session gave back`));
      return;
    }
  }

  /**
   * Runs in the background what must happen although nobody waits for it. Failures are logged: the lease takes the keys with it at the
   * latest.
   */
  inBackground(what: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (this.life.reason === undefined)
        this.logger.warn(`${what} failed; its key stays until the session ends`, { error });
    });
  }
}
