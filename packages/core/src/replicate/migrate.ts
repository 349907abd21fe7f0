import { randomUUID } from 'node:crypto';
import { type Bookmark, type ConfigStore, type KeyValue, StoreError } from '@holdfast/store';
import {
  checkMs,
  checkStorableKey,
  checkStore,
  holdDuring,
  invalidArgument,
  quoted,
  toStoreError,
} from '@holdfast/store/adapter';
import { checkFence, isSamePlace } from './apart.js';
import type { Conflict } from './conflict.js';
import { makeLedger } from './make-ledger.js';
import { type MigrationNote, type MigrationStage, noteOf } from './migration-note.js';
import { type MigrationPlan, planMigration } from './migration-plan.js';
import { Move } from './move.js';
import { type ReplicateOptions, type Settings, toSettings } from './options.js';
import { OwnKeys } from './own-keys.js';
import { Replicator } from './replicator.js';
import { carryBack, type CutOverResult, resultOf } from './retreat.js';
import type { ReplicationState } from './state.js';
import type { Verification } from './verify.js';
import { wayBack } from './way-back.js';

/** Options of `migrate()`: those of `replicate()`, and how the source is fenced. Times are in milliseconds. */
export interface MigrateOptions extends ReplicateOptions {
  /**
   * The key whose presence stops the applications' writes: they open their store as `fenced(store, { key })`. It is put up in the source at
   * the cut over, and in the target for a retreat. Default: `/holdfast/fence/` and the name.
   */
  readonly fenceKey?: string | undefined;
  /** How long a store is followed after it was fenced: longer than any request can live. Default: 60,000. */
  readonly drainMs?: number | undefined;
  /** The inverse of `mapKey`: a retreat after the cut over needs it. */
  readonly unmapKey?: ((key: string) => string | undefined) | undefined;
}

export interface CopyResult {
  readonly bookmark: Bookmark;
  readonly conflicts: readonly Conflict[];
}

/**
 * Gets a prefix from one store to another without stopping. Each step may be killed at any moment, and run again, by another process too: how
 * far it came is in the target. Between the steps the target follows, as long as this object is not closed.
 */
export interface Migration extends AsyncDisposable {
  /** Where it stands. */
  stage(): Promise<MigrationStage>;
  /** Says what would be done, and changes nothing. */
  plan(): Promise<MigrationPlan>;
  /** Carries everything over, and follows from then on. */
  copy(): Promise<CopyResult>;
  /** Compares every key in both stores at matching moments, while both are written. */
  verify(): Promise<Verification>;
  /**
   * Fences the source, waits for what is under way there, compares everything, and sets the times to live. Applications may use the target
   * afterwards.
   *
   * @throws StoreError `conflict` where source and target are not equal
   */
  cutOver(): Promise<CutOverResult>;
  /** The way back. Before the cut over it takes the fence away; after it, what was written in the target is carried back first. */
  retreat(): Promise<CutOverResult>;
  /** Removes the record and the fences. The data stays, in both stores. */
  finish(): Promise<void>;
  /** Stops following. The migration can be gone on with. */
  close(): Promise<void>;
}

const DRAIN_MS = 60_000;
const DEFAULT_FENCES = '/holdfast/fence/';

/**
 * Prepares the way of a prefix from one store to another; see {@link Migration} for its steps. Nothing happens until a step is called.
 *
 * @throws StoreError `invalid-argument`, `unsupported`
 */
export function migrate(source: ConfigStore, target: ConfigStore, options: MigrateOptions): Migration {
  checkStore(source, 'migrate()');
  checkStore(target, 'migrate()');
  const { fenceKey, drainMs, unmapKey, ...replication } = options;
  if (isSamePlace(source, target)) {
    throw invalidArgument('migrate() is between two stores, or two prefixes of one; else use replicate()');
  }
  const settings = toSettings(source, target, replication);
  if (unmapKey !== undefined && typeof unmapKey !== 'function') throw invalidArgument('unmapKey must be a function');
  const fence = fenceKey ?? DEFAULT_FENCES + settings.name;
  checkStorableKey(fence, source.capabilities);
  checkStorableKey(fence, target.capabilities);
  checkFence(fence, { source, target, prefix: settings.prefix, places: settings.places });
  return new RunningMigration(source, target, {
    settings,
    fence,
    drainMs: drainMs === undefined ? DRAIN_MS : checkMs(drainMs, 'drainMs'),
    unmapKey: unmapKey ?? (replication.mapKey === undefined ? (key: string) => key : undefined),
    onState: options.onState,
  });
}

interface Parts {
  readonly settings: Settings;
  readonly fence: string;
  readonly drainMs: number;
  readonly unmapKey: ((key: string) => string | undefined) | undefined;
  readonly onState: MigrateOptions['onState'];
}

class RunningMigration implements Migration {
  readonly #source: ConfigStore;
  readonly #target: ConfigStore;
  readonly #parts: Parts;
  #replicator: Replicator | undefined;

  constructor(source: ConfigStore, target: ConfigStore, parts: Parts) {
    this.#source = source;
    this.#target = target;
    this.#parts = parts;
  }

  async stage(): Promise<MigrationStage> {
    return (await this.#note())?.stage ?? 'none';
  }

  plan(): Promise<MigrationPlan> {
    const { settings } = this.#parts;
    return planMigration({ source: this.#source, target: this.#target, settings, ledger: this.#ledger() });
  }

  async copy(): Promise<CopyResult> {
    return holdDuring(this.#copy());
  }

  async verify(): Promise<Verification> {
    return holdDuring(this.#moveOf(await this.#running()).verify());
  }

  async cutOver(): Promise<CutOverResult> {
    return holdDuring(this.#cutOver());
  }

  async retreat(): Promise<CutOverResult> {
    return holdDuring(this.#retreat());
  }

  async finish(): Promise<void> {
    const note = await this.#note();
    const stage = note?.stage ?? 'none';
    if (stage !== 'none' && stage !== 'cut-over' && stage !== 'retreated') {
      throw refused(`the migration ${this.#name} is ${stage}; cut over or retreat first`);
    }
    await this.close();
    const { fence } = this.#parts;
    const { signal } = this.#parts.settings;
    const back = wayBack(this.#source, this.#parts.settings, this.#parts.unmapKey, undefined).settings;
    // The target's record last: until then the migration can be finished again.
    await this.#erase(this.#source, back);
    await this.#source.delete({ key: fence }, { signal });
    await this.#target.delete({ key: fence }, { signal });
    await this.#erase(this.#target, this.#parts.settings);
  }

  async close(): Promise<void> {
    const replicator = this.#replicator;
    this.#replicator = undefined;
    await replicator?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #name(): string {
    return quoted(this.#parts.settings.name);
  }

  async #copy(): Promise<CopyResult> {
    const replicator = await this.#running();
    await this.#moveOf(replicator).sync();
    if (
      noteOf(replicator.record.migration) === undefined ||
      noteOf(replicator.record.migration)?.stage === 'retreated'
    ) {
      await replicator.annotate(this.#noteNow({ stage: 'copied' }));
    }
    const { bookmark } = replicator;
    if (bookmark === undefined) throw new StoreError('internal', 'the copy has no bookmark');
    return { bookmark, conflicts: replicator.conflicts };
  }

  async #cutOver(): Promise<CutOverResult> {
    const before = await this.#note();
    if (before?.stage === 'cut-over' && before.cutOver !== undefined) return resultOf(before, before.cutOver);
    const replicator = await this.#running();
    const move = this.#moveOf(replicator);
    await move.requireEqual();
    const { fence, drainMs } = this.#parts;
    const { signal } = this.#parts.settings;
    const text = JSON.stringify({ migration: this.#parts.settings.name, to: this.#target.name });
    await this.#source.put(fence, text, { signal });
    await replicator.annotate(this.#noteNow({ stage: 'fenced' }));
    const late = await move.drain(this.#source, drainMs);
    const { bookmark } = await move.requireEqual();
    await move.settle();
    const note = this.#noteNow({ stage: 'cut-over', cutOver: bookmark, late });
    await replicator.annotate(note);
    await this.close();
    return resultOf(note, bookmark);
  }

  async #retreat(): Promise<CutOverResult> {
    const note = await this.#note();
    const { fence, drainMs } = this.#parts;
    const { signal } = this.#parts.settings;
    if (note === undefined) throw refused(`there is no migration ${this.#name} to retreat from; copy first`);
    if (note.stage === 'retreated') return resultOf(note, note.cutOver ?? NOWHERE);
    if (note.cutOver === undefined) {
      await this.#source.delete({ key: fence }, { signal });
      const replicator = await this.#running();
      const next = this.#noteNow({ stage: 'retreated' });
      await replicator.annotate(next);
      const { bookmark = NOWHERE } = replicator;
      await this.close();
      return resultOf(next, bookmark);
    }
    await this.close();
    return carryBack({
      source: this.#source,
      target: this.#target,
      note,
      fence,
      drainMs,
      back: wayBack(this.#source, this.#parts.settings, this.#parts.unmapKey, note.cutOver),
      ledger: this.#ledger(),
      noteNow: (next) => this.#noteNow(next),
      replicate: (settings, assumeOwn) => this.#replicate(this.#target, this.#source, settings, assumeOwn),
    });
  }

  #moveOf(replicator: Replicator): Move {
    return new Move(replicator, this.#parts.settings);
  }

  /** The replicator of the way there. */
  async #running(): Promise<Replicator> {
    const running = this.#replicator;
    if (running?.ended.aborted === false) return running;
    const stage = await this.stage();
    if (stage === 'cut-over' || stage === 'retreating') {
      throw refused(
        `the migration ${this.#name} is ${stage}: the target may have been changed since; finish or retreat instead`,
      );
    }
    const replicator = this.#replicate(this.#source, this.#target, this.#parts.settings);
    this.#replicator = replicator;
    await replicator.start();
    return replicator;
  }

  #replicate(
    source: ConfigStore,
    target: ConfigStore,
    settings: Settings,
    assumeOwn?: (item: KeyValue) => boolean,
  ): Replicator {
    let previous: ReplicationState = { status: 'starting', since: settings.clock.now() };
    return new Replicator(source, target, settings, {
      writer: randomUUID(),
      assumeOwn,
      events: {
        state: (state) => {
          const before = previous;
          previous = state;
          this.#parts.onState?.(state, before);
        },
        conflict: () => undefined,
      },
    });
  }

  async #erase(store: ConfigStore, settings: Settings): Promise<void> {
    const ledger = this.#ledger(store, settings);
    if ((await ledger.peek()) === undefined) return;
    await ledger.open();
    await ledger.erase();
  }

  async #note(): Promise<MigrationNote | undefined> {
    const record = this.#replicator?.record ?? (await this.#ledger().peek());
    return noteOf(record?.migration);
  }

  #noteNow(note: Omit<MigrationNote, 'at'>): MigrationNote {
    return { at: this.#parts.settings.clock.now(), ...note };
  }

  /** For what is done while no replicator runs. A failure ends it: the step can be run again. */
  #ledger(store = this.#target, settings = this.#parts.settings) {
    const { name, prefix, places, clock, signal } = settings;
    return makeLedger(store, places, {
      own: new OwnKeys(),
      identity: { name, prefix, targetPrefix: places.prefix, writer: randomUUID(), since: clock.now() },
      clock,
      signal: signal ?? new AbortController().signal,
      failed: (error) => Promise.reject(toStoreError(error)),
      answered: () => undefined,
    });
  }
}

const NOWHERE = { revision: 1, identity: '' } as unknown as Bookmark;

function refused(message: string): StoreError {
  return new StoreError('conflict', message, { outcome: 'not-applied' });
}
