import { type Bookmark, type ConfigStore, isStoreError, type KeyValue, StoreError } from '@holdfast/store';
import {
  abortable,
  addAbortListener,
  bytesEqual,
  quoted,
  removeAbortListener,
  toStoreError,
  whenAborted,
} from '@holdfast/store/adapter';
import type { Change, ChangeEvent } from '../events/change.js';
import { mirror } from '../mirror.js';
import { isOtherOrOlder } from '../table/history.js';
import { Lock } from '../util/lock.js';
import { bytes } from '../values/bytes.js';
import type { Mirror } from '../views/prefix-mirror.js';
import { compareStates } from './compare-states.js';
import type { Conflict } from './conflict.js';
import { ConflictBook, unreadable } from './conflict-book.js';
import { HeldLeases } from './held-leases.js';
import { inPool } from './in-pool.js';
import { KeyMap } from './key-map.js';
import { isMortal, type Lifetime, LeaseTap } from './lease-tap.js';
import type { Ledger, LedgerContext, Refusal, TargetKeys, Write } from './ledger.js';
import { makeLedger } from './make-ledger.js';
import { noteOf } from './migration-note.js';
import type { Settings } from './options.js';
import { OwnKeys } from './own-keys.js';
import { type Progress, progressOf, type ReplicationRecord } from './record.js';
import { type MortalKey, settleLeases } from './settle-leases.js';
import { checkGoesOn, checkHistory, otherHistory } from './source-history.js';
import type { ReplicationState } from './state.js';
import { StepQueue } from './step-queue.js';
import { Supervision } from './supervision.js';
import type { Wanted } from './wanted.js';

/** How many writes of the first copy are in one transaction, and how many bytes of values. */
const COPIED_AT_ONCE = { writes: 100, bytes: 512 * 1024 };

/** How long at most one attempt waits for a source that answers, in milliseconds. */
const MOST_PATIENCE_MS = 600_000;

/** Who hears of what a replicator does. */
export interface ReplicatorEvents {
  state(state: ReplicationState): void;
  conflict(conflict: Conflict): void;
}

export interface ReplicatorParts {
  /** Names the replicator in its record: random. */
  readonly writer: string;
  readonly events: ReplicatorEvents;
  /** Which keys of the target count as own, beside those that the record tells. */
  readonly assumeOwn?: ((item: KeyValue) => boolean) | undefined;
}

/** Carries a source over to a target: one comparison first, then the steps of a mirror of the source, one after another. */
export class Replicator {
  readonly #source: ConfigStore;
  readonly #target: ConfigStore;
  readonly #settings: Settings;
  readonly #assumeOwn: (item: KeyValue) => boolean;
  readonly #onStep = new Set<(keys: readonly string[]) => void>();
  readonly #tap: LeaseTap;
  readonly #keys: KeyMap;
  readonly #own = new OwnKeys();
  readonly #ledger: Ledger;
  readonly #leases: HeldLeases;
  readonly #queue: StepQueue;
  readonly #conflicts: ConflictBook;
  readonly #end = new AbortController();
  readonly #supervision: Supervision;
  #mirror: Mirror<Uint8Array> | undefined;
  #bookmark: Bookmark | undefined;
  #running: Promise<void> | undefined;

  constructor(
    source: ConfigStore,
    target: ConfigStore,
    settings: Settings,
    { writer, events, assumeOwn }: ReplicatorParts,
  ) {
    const { clock, name, prefix, places, backoff, mapKey, startTimeoutMs, logger, onConflict } = settings;
    this.#source = source;
    this.#target = target;
    this.#settings = settings;
    this.#assumeOwn = assumeOwn ?? (() => false);
    this.#tap = new LeaseTap(source);
    this.#keys = new KeyMap(mapKey, prefix, places.prefix);
    const { signal } = this.#end;
    this.#supervision = new Supervision({
      clock,
      backoff,
      startTimeoutMs,
      signal,
      onState: (state) => {
        events.state(state);
      },
    });
    const context: LedgerContext = {
      own: this.#own,
      identity: { name, prefix, targetPrefix: places.prefix, writer, since: clock.now() },
      clock,
      signal: this.#end.signal,
      failed: (error) => this.#supervision.failed('target', error),
      answered: () => {
        this.#supervision.answered('target');
      },
    };
    this.#ledger = makeLedger(target, places, context);
    this.#conflicts = new ConflictBook({
      policy: onConflict,
      keys: this.#keys,
      capabilities: target.capabilities,
      logger,
      onConflict: (conflict) => {
        events.conflict(conflict);
      },
    });
    this.#queue = new StepQueue(this.#end.signal);
    this.#leases = new HeldLeases({
      source,
      target,
      clock,
      signal: this.#end.signal,
      onLost: (keys) => {
        this.#queue.addRepair(keys);
      },
    });
  }

  get state(): ReplicationState {
    return this.#supervision.state;
  }

  /** The target holds everything of the source up to here. */
  get bookmark(): Bookmark | undefined {
    const mirrored = this.#mirror;
    if (this.#bookmark === undefined || mirrored === undefined || !this.#queue.isIdle) return this.#bookmark;
    return mirrored.bookmark;
  }

  get conflicts(): readonly Conflict[] {
    return [...this.#conflicts.values(), ...unreadable(this.#mirror?.problems() ?? [], this.sides)];
  }

  get record(): ReplicationRecord {
    return this.#ledger.record;
  }

  /** Aborts when it has ended, with the reason. */
  get ended(): AbortSignal {
    return this.#end.signal;
  }

  get sides(): {
    readonly source: ConfigStore;
    readonly target: ConfigStore;
    readonly prefix: string;
    readonly targetPrefix: string;
  } {
    const { prefix, places } = this.#settings;
    return { source: this.#source, target: this.#target, prefix, targetPrefix: places.prefix };
  }

  targetOf(key: string): string | undefined {
    return this.#keys.target(key);
  }

  /** The source's key, in full, of a key of the target, while the source has it. */
  sourceOf(targetKey: string): string | undefined {
    const source = this.#keys.sourceOf(targetKey);
    return source === undefined ? undefined : this.#keys.source(source);
  }

  isOwn(targetKey: string): boolean {
    return this.#own.get(targetKey) !== undefined;
  }

  /** Calls the listener with the source's keys of each step that was carried over, without those whose lease ended. Returns the unsubscribe. */
  onStep(listener: (keys: readonly string[]) => void): () => void {
    this.#onStep.add(listener);
    return () => this.#onStep.delete(listener);
  }

  /** Writes a note on a migration into the record. */
  annotate(migration: unknown): Promise<void> {
    return this.#between(async () => {
      await this.#ledger.commit([], progressOf(this.#ledger.record), migration);
    });
  }

  /** Gives each leased key of the target the time that is left in the source, unless it has it. Leases are kept alive no more. */
  settle(): Promise<void> {
    // Leases are settled beside each other, and the record is written by one at a time.
    const lock = new Lock();
    return this.#between(async () => {
      await settleLeases(
        {
          source: this.#source,
          target: this.#target,
          clock: this.#settings.clock,
          signal: this.#end.signal,
          move: (keys, lease) => lock.run(() => this.#rewrite(keys, () => ({ lease }))),
          expire: (ends) => this.#rewrite([...ends.keys()], (key) => ({ lease: undefined, endsAt: ends.get(key) })),
          lifetimes: () => this.#leasedKeys(),
        },
        this.#leases,
      );
      await this.#leases.close();
    });
  }

  *#leasedKeys(): IterableIterator<MortalKey> {
    for (const targetKey of this.#own.keys()) {
      const key = this.sourceOf(targetKey);
      const lifetime = key === undefined ? undefined : this.#tap.lifetimeOf(key);
      if (key === undefined || lifetime === undefined || this.#own.get(targetKey)?.isTimed === true) continue;
      yield { key, targetKey, lifetime };
    }
  }

  /** Writes own keys again, with their values as they are in the source. */
  async #rewrite(
    keys: readonly string[],
    lifeOf: (key: string) => { readonly lease: string | undefined; readonly endsAt?: number | undefined },
  ): Promise<void> {
    const writes = keys.flatMap((key): Write[] => {
      const value = this.#wantedAt(key)?.entry.value;
      const over = this.#own.get(key)?.revision;
      return value === undefined || over === undefined ? [] : [{ type: 'put', key, over, value, ...lifeOf(key) }];
    });
    for (const part of parts(writes)) await this.#commit(part, progressOf(this.#ledger.record));
  }

  /** Does something when no step is under way. */
  async #between<T>(work: () => Promise<T>): Promise<T> {
    this.#throwIfEnded();
    let settle: (outcome: Promise<T>) => void = () => undefined;
    const outcome = new Promise<T>((resolve) => (settle = resolve));
    this.#queue.addCall(async () => {
      const done = work();
      settle(done);
      await done.catch(() => undefined);
    });
    try {
      return await abortable(outcome, this.#end.signal);
    } catch (error) {
      throw this.#reasonOf(error);
    }
  }

  /** Resolves after the first copy. */
  async start(): Promise<void> {
    const { signal } = this.#settings;
    const onAbort = () => {
      this.#close(new StoreError('aborted', 'the replication was aborted', { cause: signal?.reason }));
    };
    whenAborted(signal, onAbort);
    addAbortListener(this.#end.signal, () => {
      removeAbortListener(signal, onAbort);
    });
    try {
      this.#supervision.begin();
      this.#mirror = await this.#open();
      const before = await this.#ledger.open();
      checkNotMoved(before);
      await this.#catchUp(before);
      if (before?.toward !== undefined) await this.#checkHistory(before.toward, undefined);
      if (before?.bookmark !== undefined) await this.#checkHistory(before.bookmark, before.keys);
      await this.#compare(before?.bookmark);
      this.#queue.done();
      this.#supervision.started();
    } catch (error) {
      const failure = this.#reasonOf(error);
      await this.#stop(failure);
      throw failure;
    }
    this.#running = this.#run();
  }

  /** Resolves when everything that the source had at the call is in the target. */
  async sync(signal: AbortSignal, timeoutMs: number): Promise<void> {
    this.#throwIfEnded();
    const mirrored = this.#mirror;
    if (mirrored === undefined) throw new StoreError('internal', 'the replication has not started');
    try {
      await mirrored.sync({ signal, timeoutMs });
      await this.#queue.untilDone(signal);
    } catch (error) {
      throw this.#reasonOf(error);
    }
    try {
      await this.#ledger.check();
    } catch (error) {
      const failure = this.#reasonOf(error);
      // It has lost the record, and would stop at its next write.
      await this.#stop(failure);
      throw failure;
    }
  }

  async close(): Promise<void> {
    this.#close(new StoreError('closed', 'the replication is closed'));
    await this.#stopped();
  }

  #close(reason: StoreError): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort(reason);
    this.#supervision.ended();
    // Its failures are its own: nobody waits for it here.
    void this.#stopped().catch(() => undefined);
  }

  async #stopped(): Promise<void> {
    await Promise.all([this.#running, this.#leases.close(), this.#mirror?.close()]);
  }

  async #stop(error: StoreError): Promise<void> {
    if (!this.#end.signal.aborted) {
      this.#settings.logger.error(`the replication ${quoted(this.#settings.name)} stopped: ${error.message}`, {
        error,
      });
      this.#end.abort(error);
      this.#supervision.ended(error);
    }
    await Promise.all([this.#leases.close(), this.#mirror?.close()]);
  }

  #throwIfEnded(): void {
    if (this.#end.signal.aborted) throw this.#end.signal.reason;
  }

  /** What ended it, where a call failed for that alone. */
  #reasonOf(error: unknown): StoreError {
    return this.#end.signal.aborted ? toStoreError(this.#end.signal.reason) : toStoreError(error);
  }

  #open(): Promise<Mirror<Uint8Array>> {
    const { prefix, clock, random, logger, startTimeoutMs, name, backoff } = this.#settings;
    const { initialMs, maxMs } = backoff;
    return mirror(this.#tap.store, {
      prefix,
      codec: bytes(),
      decode: 'lazy',
      // Values are read once each.
      cacheSize: 1,
      name: `replicate ${name}`,
      clock,
      random,
      logger,
      backoff: { initialMs, maxMs },
      startTimeoutMs,
      signal: this.#end.signal,
      onChange: (event) => {
        this.#changed(event);
      },
      onState: ({ status, connection, ...state }) => {
        if (status === 'closed') {
          // Only its store can end it.
          const error = 'error' in state ? state.error : undefined;
          if (error !== undefined && !this.#end.signal.aborted) void this.#stop(error);
        } else if (connection === 'connected') this.#supervision.answered('source');
        else if ('cause' in state && state.cause !== undefined) this.#supervision.interrupted('source', state.cause);
      },
    }).then((mirrored) => {
      mirrored.on('resync', ({ reason, from, bookmark }) => {
        if (reason !== 'history-changed' && !isOtherOrOlder(bookmark, from)) return;
        this.#queue.addHistory(from, bookmark);
      });
      return mirrored;
    });
  }

  #changed(event: ChangeEvent<Change<Uint8Array>>): void {
    if (event.cause === 'load') return;
    this.#queue.add({ bookmark: event.bookmark, changes: event.changes, keys: this.#countOfSource() });
  }

  /** Whether a transaction of the source is one of the target too. */
  get #isWhole(): boolean {
    return this.#target.capabilities.transactions === 'multi-key';
  }

  #countOfSource(): number {
    const mirrored = this.#mirror;
    return mirrored === undefined ? 0 : mirrored.size + mirrored.problems().length;
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        const task = await this.#queue.next();
        if (task.type === 'history') {
          if (!this.#settings.acceptHistory) throw otherHistory(task.from, task.to, this.#settings.prefix);
          await this.#compare(undefined);
        } else if (task.type === 'call') {
          await task.call();
        } else if (task.type === 'repair') {
          await this.#repair(task.keys);
        } else {
          const step = this.#isWhole ? task.step : this.#queue.joined(task.step);
          const keys = step.changes
            .filter((change) => !this.#isExpiry(change))
            .map(({ key }) => this.#keys.source(key));
          await this.#step(step);
          for (const listener of this.#onStep) listener(keys);
        }
        this.#queue.done();
      }
    } catch (error) {
      const failure = this.#reasonOf(error);
      if (this.#end.signal.aborted) return;
      await this.#stop(failure);
    }
  }

  /**
   * Until the mirror has what another replicator has carried over meanwhile: a comparison with less would undo that. Where the source does
   * not have it either, the mirror has everything that there is. A record that is gone tells nothing.
   */
  async #catchUp(before: Progress | undefined): Promise<void> {
    const mirrored = this.#mirror;
    if (mirrored === undefined) return;
    if (before === undefined) {
      const { startTimeoutMs: timeoutMs } = this.#settings;
      await this.#supervision.retry('source', () => mirrored.sync({ signal: this.#end.signal, timeoutMs }));
    }
    for (const last of [before?.bookmark, before?.toward]) {
      if (last === undefined || !isOtherOrOlder(mirrored.bookmark, last)) continue;
      await this.#supervision.retry('source', () => this.#untilAt(mirrored, last));
    }
  }

  async #untilAt(mirrored: Mirror<Uint8Array>, last: Bookmark): Promise<void> {
    // A slow source is given more time, since each attempt asks for what is newer.
    for (let timeoutMs = this.#settings.startTimeoutMs; ; timeoutMs = Math.min(2 * timeoutMs, MOST_PATIENCE_MS)) {
      const done = new AbortController();
      const options = { signal: AbortSignal.any([this.#end.signal, done.signal]), timeoutMs };
      const ways = [mirrored.sync(options)];
      // Events alone may bring it there, which takes no read.
      if (last.identity === mirrored.bookmark.identity) ways.push(mirrored.waitFor(last.revision, options));
      try {
        await Promise.race(ways);
        return;
      } catch (error) {
        // Giving up would leave nobody to follow: the other replicator has stopped by now.
        if (!isStoreError(error, 'timeout') || mirrored.state.connection !== 'connected') throw error;
      } finally {
        done.abort();
      }
    }
  }

  /** @throws StoreError `history-changed`, unless that is accepted */
  async #checkHistory(last: Bookmark, keys: number | undefined): Promise<void> {
    if (this.#settings.acceptHistory) return;
    if (this.#mirror === undefined) return;
    try {
      await checkHistory(this.#mirror, {
        source: this.#source,
        prefix: this.#settings.prefix,
        last,
        keys,
        signal: this.#end.signal,
        retry: (work) => this.#supervision.retry('source', work),
      });
    } catch (error) {
      // If another replicator has the record by now, that is why it ends.
      await this.#ledger.check();
      throw error;
    }
  }

  /**
   * Makes the target equal to the source as it is now.
   *
   * @param complete up to where the target was complete before, in the same history; a contradiction to that is `history-changed`
   */
  async #compare(complete: Bookmark | undefined): Promise<void> {
    const mirrored = this.#mirror;
    if (mirrored === undefined) throw new StoreError('internal', 'the replication has not started');
    this.#supervision.starting();
    // In one turn: from here on, the queue has what is newer.
    const { bookmark } = mirrored;
    // The mirror may have gone on since the history was checked.
    if (complete !== undefined && !this.#settings.acceptHistory) checkGoesOn(bookmark, complete, this.#settings.prefix);
    const entries = [...mirrored];
    const keys = this.#countOfSource();
    this.#queue.restart();
    this.#keys.clear();
    this.#own.clear();
    this.#conflicts.clear();
    const wanted = new Map<string, Wanted>();
    for (const [source, entry] of entries) {
      const target = this.#keys.target(source);
      if (target === undefined) continue;
      this.#keys.take(target, source);
      wanted.set(target, { source, entry });
    }
    const there = await this.#ledger.read();
    // What another replicator has written meanwhile is no conflict.
    await this.#ledger.check();
    const leases = await this.#leasesFor(wanted, there);
    const { writes, conflicts } = await compareStates({
      there,
      wanted,
      leases,
      own: this.#own,
      book: this.#conflicts,
      isOwn: (item) => there.isOwn(item) || this.#assumeOwn(item),
      onContradiction: ({ entry }) => {
        if (complete === undefined || entry.modRevision > complete.revision || this.#settings.acceptHistory) return;
        throw otherHistory(complete, bookmark, this.#settings.prefix);
      },
      onLeft: (key) => {
        this.#leases.place(key, undefined);
      },
    });
    this.#conflicts.tell(conflicts);
    const total = writes.length;
    let done = 0;
    const partial: Progress = { ...(complete === undefined ? {} : this.#lastProgress()), toward: bookmark };
    for (const part of parts(writes)) {
      this.#supervision.copying(done, total);
      await this.#commit(part, partial);
      done += part.length;
    }
    await this.#commit([], { bookmark, keys });
    this.#done(bookmark);
    await this.#leases.sweep();
    this.#supervision.following();
  }

  /** The target is as the source was at the bookmark. */
  #done(bookmark: Bookmark): void {
    this.#bookmark = bookmark;
    const { prefix } = this.#settings;
    this.#tap.forget(bookmark.revision, (key) => this.#mirror?.has(key.slice(prefix.length)) === true);
  }

  /** A lease that ends deletes its keys: nobody has written them. */
  #isExpiry({ type, key }: Change<Uint8Array>): boolean {
    const target = type === 'delete' ? this.#keys.target(key) : undefined;
    return target !== undefined && this.#leases.isPlaced(target);
  }

  /** The target's leases of all wanted keys: those that own keys are under already, and new ones. */
  async #leasesFor(wanted: ReadonlyMap<string, Wanted>, there: TargetKeys): Promise<ReadonlyMap<string, string>> {
    const leases = new Map<string, string>();
    const before = new Map<string, string>();
    for (const item of there.items) {
      if (item.lease !== undefined && (there.isOwn(item) || this.#assumeOwn(item))) before.set(item.key, item.lease);
    }
    await inPool([...wanted], async ([key, { source }]) => {
      const lease = await this.#leaseFor(key, source, before.get(key));
      if (lease !== undefined) leases.set(key, lease);
    });
    return leases;
  }

  #lastProgress(): Progress {
    const { bookmark, keys } = this.#ledger.record;
    return { bookmark, keys };
  }

  async #step({
    bookmark,
    changes,
    keys,
  }: {
    readonly bookmark: Bookmark;
    readonly changes: readonly Change<Uint8Array>[];
    readonly keys: number;
  }): Promise<void> {
    const writes = new Map<string, Write>();
    const found: Conflict[] = [];
    // Deletes first: a key may give its name in the target to another one in the same transaction.
    for (const change of changes) {
      if (change.type !== 'delete') continue;
      const key = this.#keys.target(change.key);
      if (key === undefined || this.#keys.sourceOf(key) !== change.key) continue;
      this.#keys.leave(key, change.key);
      this.#conflicts.forget(key);
      const own = this.#own.get(key);
      if (own !== undefined) writes.set(key, { type: 'delete', key, over: own.revision });
    }
    for (const change of changes) {
      if (change.type !== 'put') continue;
      const key = this.#keys.target(change.key);
      if (key === undefined) continue;
      this.#keys.take(key, change.key);
      this.#conflicts.forget(key);
      const want = { source: change.key, entry: change.current };
      const unfit = this.#conflicts.unfit(key, want, undefined);
      if (unfit === undefined) writes.set(key, await this.#putOf(key, want));
      else found.push(unfit);
    }
    this.#conflicts.tell(found);
    if (writes.size > 0) await this.#commit([...writes.values()], { bookmark, keys });
    this.#done(bookmark);
    for (const { type, key } of writes.values()) if (type === 'delete') this.#leases.place(key, undefined);
    await this.#supervision.retry('target', () => this.#leases.sweep());
  }

  /**
   * Writes keys again that are gone because their lease ran out at the target. Not those that the source has changed since: these come with
   * their step, beside what else their transaction has changed.
   */
  async #repair(keys: readonly string[]): Promise<void> {
    // Not after another replicator has taken over: a lease that is granted here would look to it like its own one, alive.
    await this.#ledger.check();
    const done = this.#bookmark?.revision ?? 0;
    const writes: Write[] = [];
    await inPool(keys, async (key) => {
      if (this.#own.get(key)?.lease === undefined) return;
      const { signal } = this.#end;
      const there = await this.#supervision.retry('target', () => this.#target.get(key, { signal }));
      const want = this.#wantedAt(key);
      if (there !== undefined || want === undefined || want.entry.modRevision > done) return;
      writes.push({ ...(await this.#putOf(key, want)), over: 0 });
    });
    for (const part of parts(writes)) await this.#commit(part, progressOf(this.#ledger.record));
  }

  async #putOf(key: string, { source, entry }: Wanted): Promise<Write> {
    const lease = await this.#leaseFor(key, source, undefined);
    return { type: 'put', key, over: this.#own.get(key)?.revision ?? 0, value: entry.value, lease };
  }

  /** @param before the lease that the own key has there already */
  async #leaseFor(targetKey: string, source: string, before: string | undefined): Promise<string | undefined> {
    const key = this.#keys.source(source);
    const lifetime: Lifetime | undefined = this.#tap.lifetimeOf(key);
    this.#leases.place(targetKey, lifetime === undefined ? undefined : HeldLeases.nameOf(lifetime, key));
    if (lifetime === undefined || !this.#leases.isPossible) return undefined;
    return this.#supervision.retry('target', async () => {
      if (before !== undefined) await this.#leases.adopt(lifetime, key, before);
      return this.#leases.ensure(lifetime, key);
    });
  }

  /** Writes in as few transactions as the target takes, until each write is done or is a conflict that was told. */
  async #commit(given: readonly Write[], progress: Progress): Promise<void> {
    let writes = given;
    for (;;) {
      let refused: readonly Refusal[];
      let done: readonly Write[];
      try {
        ({ done, refused } = await this.#ledger.commit(writes, progress));
      } catch (error) {
        const failure = toStoreError(error);
        if (failure.code === 'lease-not-found') writes = await this.#withLeases(writes);
        else if (failure.code !== 'too-large') throw failure;
        else if (writes.length < 2) {
          for (const write of writes)
            this.#conflicts.tell([this.#conflicts.refused(write.key, this.#wantedAt(write.key), failure.message)]);
          return;
        } else {
          const half = Math.ceil(writes.length / 2);
          const toward = progress.toward ?? progress.bookmark;
          await this.#commit(writes.slice(0, half), { ...this.#lastProgress(), toward });
          writes = writes.slice(half);
        }
        continue;
      }
      if (done.length === writes.length) return;
      const finished = new Set(done);
      const resolved = new Map(refused.map((refusal) => [refusal.write, this.#resolve(refusal)]));
      this.#conflicts.tell([...resolved.values()].flatMap(({ conflict }) => conflict ?? []));
      writes = writes.flatMap((write) => {
        if (finished.has(write)) return [];
        const resolution = resolved.get(write);
        return resolution === undefined ? [write] : (resolution.write ?? []);
      });
      if (writes.length === 0) return;
    }
  }

  /** The writes under leases that are there. */
  async #withLeases(writes: readonly Write[]): Promise<readonly Write[]> {
    await this.#supervision.retry('target', () => this.#leases.forgetLost());
    const renewed: Write[] = [];
    for (const write of writes) {
      const source = this.#keys.sourceOf(write.key);
      const lease =
        write.type === 'put' && source !== undefined ? await this.#leaseFor(write.key, source, undefined) : undefined;
      renewed.push(write.type === 'put' ? { ...write, lease } : write);
    }
    return renewed;
  }

  /** What the source has by now for a key of the target. */
  #wantedAt(targetKey: string): Wanted | undefined {
    const source = this.#keys.sourceOf(targetKey);
    const entry = source === undefined ? undefined : this.#mirror?.get(source);
    return source === undefined || entry === undefined ? undefined : { source, entry };
  }

  /** What to do about a key that is not as it was left. */
  #resolve({ write, current, error }: Refusal): { readonly write?: Write; readonly conflict?: Conflict } {
    const { key } = write;
    const want = this.#wantedAt(key);
    if (error !== undefined) return { conflict: this.#conflicts.refused(key, want, error.message) };
    const own = this.#own.get(key);
    this.#own.delete(key);
    if (current === undefined) {
      if (write.type === 'delete') return {};
      // Its lease ran out, as when the replication was suspended for long.
      if (own?.lease !== undefined || own?.isTimed === true) return { write: { ...write, over: 0 } };
    } else if (write.type === 'put' && bytesEqual(current.value, write.value) && !isMortal(current)) {
      return { write: { ...write, over: current.modRevision } };
    }
    const reason = current === undefined ? 'deleted' : own === undefined ? 'exists' : 'changed';
    const conflict = this.#conflicts.of(reason, key, want, current);
    if (conflict.resolution === 'left') return { conflict };
    return { conflict, write: { ...write, over: current?.modRevision ?? 0 } };
  }
}

/** @throws StoreError `conflict` if applications use the target by now: it is not a copy any more */
function checkNotMoved(before: ReplicationRecord | undefined): void {
  const stage = noteOf(before?.migration)?.stage;
  if (stage !== 'cut-over' && stage !== 'retreating') return;
  throw new StoreError(
    'conflict',
    `a migration of this name is at ${stage}: the target may have been changed since; finish or retreat with migrate()`,
    { outcome: 'not-applied' },
  );
}

function* parts(writes: readonly Write[]): IterableIterator<readonly Write[]> {
  let part: Write[] = [];
  let size = 0;
  for (const write of writes) {
    const more = write.key.length + (write.type === 'put' ? write.value.length : 0);
    if (part.length > 0 && (part.length >= COPIED_AT_ONCE.writes || size + more > COPIED_AT_ONCE.bytes)) {
      yield part;
      part = [];
      size = 0;
    }
    part.push(write);
    size += more;
  }
  if (part.length > 0) yield part;
}
