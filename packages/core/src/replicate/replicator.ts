import { type Bookmark, type ConfigStore, type KeyValue, StoreError } from '@holdfast/store';
import {
  abortable,
  addAbortListener,
  detached,
  quoted,
  removeAbortListener,
  toStoreError,
  whenAborted,
} from '@holdfast/store/adapter';
import { checkApart, showsRecord } from './apart.js';
import { Comparison } from './comparison.js';
import type { Conflict } from './conflict.js';
import { unreadable } from './conflict-book.js';
import type { HeldLeases } from './held-leases.js';
import type { Ledger } from './ledger.js';
import { repairLost } from './lost-keys.js';
import { checkNotMoved } from './migration-note.js';
import type { Settings } from './options.js';
import { progressOf, type ReplicationRecord } from './record.js';
import { newContext, type ReplicationContext, type ReplicatorEvents } from './replication-context.js';
import { Settlement } from './settlement.js';
import { otherHistory } from './source-history.js';
import type { ReplicationState } from './state.js';
import { type Step, StepQueue } from './step-queue.js';
import { StepWriter } from './step-writer.js';
import type { Supervision } from './supervision.js';
import { TargetWriter } from './target-writer.js';

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
  readonly #settings: Settings;
  readonly #context: ReplicationContext;
  readonly #onStep = new Set<(keys: readonly string[]) => void>();
  readonly #queue: StepQueue;
  readonly #writer: TargetWriter;
  readonly #comparison: Comparison;
  readonly #steps: StepWriter;
  readonly #end = new AbortController();
  #bookmark: Bookmark | undefined;
  #running: Promise<void> | undefined;

  constructor(
    source: ConfigStore,
    target: ConfigStore,
    settings: Settings,
    { writer, events, assumeOwn }: ReplicatorParts,
  ) {
    this.#source = source;
    this.#settings = settings;
    this.#queue = new StepQueue(this.#end.signal);
    this.#context = newContext(source, target, settings, {
      writer,
      events,
      signal: this.#end.signal,
      queue: this.#queue,
      onEnd: (error) => {
        void this.#stop(error);
      },
    });
    this.#writer = new TargetWriter(this.#context);
    this.#steps = new StepWriter(this.#context, this.#writer);
    this.#comparison = new Comparison({
      context: this.#context,
      writer: this.#writer,
      assumeOwn: assumeOwn ?? (() => false),
      onBegin: () => {
        this.#queue.restart();
      },
    });
  }

  get #ledger(): Ledger {
    return this.#context.ledger;
  }

  get #supervision(): Supervision {
    return this.#context.supervision;
  }

  get #leases(): HeldLeases {
    return this.#context.leases;
  }

  get state(): ReplicationState {
    return this.#supervision.state;
  }

  /** The target holds everything of the source up to here. */
  get bookmark(): Bookmark | undefined {
    const { opened: mirrored } = this.#context.mirror;
    if (this.#bookmark === undefined || mirrored === undefined || !this.#queue.isIdle) return this.#bookmark;
    return mirrored.bookmark;
  }

  get conflicts(): readonly Conflict[] {
    const { conflicts, mirror } = this.#context;
    return [...conflicts.values(), ...unreadable(mirror.opened?.problems() ?? [], this.sides)];
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
    return { source: this.#source, target: this.#context.target, prefix, targetPrefix: places.prefix };
  }

  targetOf(key: string): string | undefined {
    return this.#context.keys.target(key);
  }

  /** The source's key, in full, of a key of the target, while the source has it. */
  sourceOf(targetKey: string): string | undefined {
    const source = this.#context.keys.sourceOf(targetKey);
    return source === undefined ? undefined : this.#context.keys.source(source);
  }

  isOwn(targetKey: string): boolean {
    return this.#context.own.get(targetKey) !== undefined;
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
    return this.#between(() => new Settlement(this.#source, this.#context, this.#writer).run());
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
      const { mirror } = this.#context;
      this.#supervision.begin();
      await mirror.open();
      const before = await this.#ledger.open();
      checkNotMoved(before?.migration);
      await this.#checkApart(before);
      await mirror.catchUp(before);
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
    this.#running = detached(() => this.#run());
  }

  /** Stores that were opened apart, such as by a command, may be one. A record of a replication that can't be is not left behind. */
  async #checkApart(before: ReplicationRecord | undefined): Promise<void> {
    const { source, target } = this.sides;
    const { prefix, places } = this.#settings;
    const sides = { source, target, prefix, places };
    const isOne = await this.#supervision.retry('source', () =>
      showsRecord(sides, this.record.writer, this.#end.signal),
    );
    if (!isOne) return;
    try {
      checkApart(sides);
    } catch (error) {
      if (before === undefined) await this.#ledger.erase();
      throw error;
    }
  }

  /** Resolves when everything that the source had at the call is in the target. */
  async sync(signal: AbortSignal, timeoutMs: number): Promise<void> {
    this.#throwIfEnded();
    const mirrored = this.#context.mirror.require();
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
    await Promise.all([this.#running, this.#leases.close(), this.#context.mirror.close()]);
  }

  async #stop(error: StoreError): Promise<void> {
    if (!this.#end.signal.aborted) {
      this.#settings.logger.error(`the replication ${quoted(this.#settings.name)} stopped: ${error.message}`, {
        error,
      });
      this.#end.abort(error);
      this.#supervision.ended(error);
    }
    await Promise.all([this.#leases.close(), this.#context.mirror.close()]);
  }

  #throwIfEnded(): void {
    if (this.#end.signal.aborted) throw this.#end.signal.reason;
  }

  /** What ended it, where a call failed for that alone. */
  #reasonOf(error: unknown): StoreError {
    return this.#end.signal.aborted ? toStoreError(this.#end.signal.reason) : toStoreError(error);
  }

  /** Whether a transaction of the source is one of the target too. */
  get #isWhole(): boolean {
    return this.#context.target.capabilities.transactions === 'multi-key';
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
          await repairLost(task.keys, this.#bookmark?.revision ?? 0, this.#context, this.#writer);
        } else {
          const step = this.#isWhole ? task.step : this.#queue.joined(task.step);
          const keys = this.#steps.writtenKeys(step);
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

  /** @throws StoreError `history-changed`, unless that is accepted */
  async #checkHistory(last: Bookmark, keys: number | undefined): Promise<void> {
    try {
      await this.#context.mirror.checkHistory(last, keys);
    } catch (error) {
      // If another replicator has the record by now, that is why it ends.
      await this.#ledger.check();
      throw error;
    }
  }

  async #compare(complete: Bookmark | undefined): Promise<void> {
    this.#done(await this.#comparison.run(complete));
    await this.#leases.sweep();
    this.#supervision.following();
  }

  async #step(step: Step): Promise<void> {
    await this.#steps.write(step);
    this.#done(step.bookmark);
    await this.#supervision.retry('target', () => this.#leases.sweep());
  }

  /** The target is as the source was at the bookmark. */
  #done(bookmark: Bookmark): void {
    this.#bookmark = bookmark;
    const { mirror, settings, tap } = this.#context;
    const { prefix } = settings;
    tap.forget(bookmark.revision, (key) => mirror.opened?.has(key.slice(prefix.length)) === true);
  }
}
