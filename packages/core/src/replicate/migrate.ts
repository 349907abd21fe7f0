import { randomUUID } from 'node:crypto';
import { type Bookmark, type ConfigStore, type KeyValue, StoreError } from '@holdfast/store';
import {
  bytesEqual,
  checkMs,
  checkStorableKey,
  checkStore,
  checkStorableValue,
  holdDuring,
  invalidArgument,
  quoted,
  sleep,
  toStoreError,
} from '@holdfast/store/adapter';
import type { Conflict } from './conflict.js';
import { describeConflict } from './conflict.js';
import { KeyMap } from './key-map.js';
import { isMortal } from './lease-tap.js';
import { makeLedger } from './make-ledger.js';
import { type MigrationNote, type MigrationStage, noteOf } from './migration-note.js';
import { type ReplicateOptions, type Settings, toSettings } from './options.js';
import { checkPlaces, type Places } from './places.js';
import { OwnKeys } from './own-keys.js';
import { progressOf } from './record.js';
import { readAll } from './read-all.js';
import { Replicator } from './replicator.js';
import type { ReplicationState } from './state.js';
import { type Verification, verify } from './verify.js';

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

/** What a migration would do. */
export interface MigrationPlan {
  readonly stage: MigrationStage;
  /** The step to take next. */
  readonly next: 'copy' | 'cutOver' | 'finish';
  readonly source: { readonly keys: number; readonly bytes: number; readonly leased: number };
  /** What `copy()` would write in the target by now. */
  readonly writes: { readonly create: number; readonly update: number; readonly delete: number };
  /** Keys under the target's prefix that are not the migration's own. */
  readonly foreign: number;
  readonly conflicts: readonly Conflict[];
  /** Whether the fence in the source is a part of each write. Elsewhere, such as on etcd v2, the writers have to be stopped too. */
  readonly isFenceTight: boolean;
}

export interface CopyResult {
  readonly bookmark: Bookmark;
  readonly conflicts: readonly Conflict[];
}

export interface CutOverResult {
  readonly stage: MigrationStage;
  readonly bookmark: Bookmark;
  /** Keys that were written although the store was fenced. They were carried over. */
  readonly late: readonly string[];
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
  if (source === target) throw invalidArgument('migrate() is between two stores; within one, use replicate()');
  const settings = toSettings(source, target, replication);
  if (unmapKey !== undefined && typeof unmapKey !== 'function') throw invalidArgument('unmapKey must be a function');
  const fence = fenceKey ?? DEFAULT_FENCES + settings.name;
  checkStorableKey(fence, source.capabilities);
  checkStorableKey(fence, target.capabilities);
  for (const prefix of [settings.prefix, settings.places.prefix]) {
    if (!fence.startsWith(prefix)) continue;
    throw invalidArgument(
      `fenceKey ${quoted(fence)} is under ${quoted(prefix)}, which is migrated; give one outside of it`,
    );
  }
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

  async plan(): Promise<MigrationPlan> {
    const { settings } = this.#parts;
    const { prefix, places, mapKey, signal } = settings;
    const ledger = this.#ledger();
    const stage = noteOf((await ledger.peek())?.migration)?.stage ?? 'none';
    const from = await readAll(this.#source, prefix, { signal });
    const there = await ledger.read();
    const copies = new Map(there.items.map((item) => [item.key, item]));
    const keys = new KeyMap(mapKey, prefix, places.prefix);
    const conflicts: Conflict[] = [];
    const writes = { create: 0, update: 0, delete: 0 };
    let [bytes, leased] = [0, 0];
    for (const item of from.items) {
      bytes += item.value.length;
      if (isMortal(item)) leased += 1;
      const relative = item.key.slice(prefix.length);
      const targetKey = keys.target(relative);
      if (targetKey === undefined) continue;
      keys.take(targetKey, relative);
      const copy = copies.get(targetKey);
      copies.delete(targetKey);
      const conflict = this.#conflict(item, targetKey, copy, copy !== undefined && there.isOwn(copy));
      if (conflict !== undefined) conflicts.push(conflict);
      else if (copy === undefined) writes.create += 1;
      else if (!bytesEqual(copy.value, item.value)) writes.update += 1;
    }
    let foreign = 0;
    for (const copy of copies.values()) {
      if (there.isOwn(copy)) writes.delete += 1;
      else foreign += 1;
    }
    return {
      stage,
      next: stage === 'cut-over' || stage === 'retreated' ? 'finish' : stage === 'none' ? 'copy' : 'cutOver',
      source: { keys: from.items.length, bytes, leased },
      writes,
      foreign,
      conflicts,
      isFenceTight: this.#source.capabilities.transactions === 'multi-key',
    };
  }

  async copy(): Promise<CopyResult> {
    return holdDuring(this.#copy());
  }

  async verify(): Promise<Verification> {
    return holdDuring(this.#verify(await this.#running()));
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
    const back = this.#back(undefined).settings;
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
    await this.#sync(replicator);
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
    await this.#requireEqual(replicator);
    const { fence, drainMs } = this.#parts;
    const { signal } = this.#parts.settings;
    const text = JSON.stringify({ migration: this.#parts.settings.name, to: this.#target.name });
    await this.#source.put(fence, text, { signal });
    await replicator.annotate(this.#noteNow({ stage: 'fenced' }));
    const late = await this.#drain(replicator, this.#source, drainMs);
    const { bookmark } = await this.#requireEqual(replicator);
    await this.#settle(replicator);
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
    // From here on no replicator of the way there changes anything.
    const ledger = this.#ledger();
    await ledger.open();
    await ledger.commit([], progressOf(ledger.record), { ...note, ...this.#noteNow({ stage: 'retreating' }) });
    const { settings, assumeOwn } = this.#back(note.cutOver);
    const back = this.#replicate(this.#target, this.#source, settings, assumeOwn);
    try {
      await back.start();
      await this.#requireEqual(back);
      await this.#target.put(fence, JSON.stringify({ migration: settings.name, to: this.#source.name }), { signal });
      const late = await this.#drain(back, this.#target, drainMs);
      const { bookmark } = await this.#requireEqual(back);
      await this.#settle(back);
      await this.#source.delete({ key: fence }, { signal });
      const next = this.#noteNow({ stage: 'retreated', late });
      await ledger.commit([], progressOf(ledger.record), next);
      return resultOf(next, bookmark);
    } finally {
      await back.close();
    }
  }

  /** Follows for as long as a request can live that was on its way before the fence. */
  async #drain(replicator: Replicator, store: ConfigStore, ms: number): Promise<readonly string[]> {
    const { clock, signal } = this.#parts.settings;
    await this.#sync(replicator);
    const late = new Set<string>();
    const stop = replicator.onStep((keys) => {
      for (const key of keys) late.add(key);
    });
    try {
      const ended = signal === undefined ? replicator.ended : AbortSignal.any([signal, replicator.ended]);
      await sleep(clock, ms, ended);
      await this.#sync(replicator);
    } finally {
      stop();
    }
    if (late.size > 0) {
      this.#parts.settings.logger.warn(
        `${late.size} keys of the ${store.name} store were written although it is fenced; they were carried over`,
        { keys: [...late].slice(0, 10) },
      );
    }
    return [...late];
  }

  /** What ends in the source meanwhile ends in the target too, and what comes late has its time to live. */
  async #settle(replicator: Replicator): Promise<void> {
    await replicator.settle();
    await this.#sync(replicator);
    await replicator.settle();
  }

  async #requireEqual(replicator: Replicator): Promise<Verification> {
    const found = await this.#verify(replicator);
    const [first] = found.differences;
    if (first === undefined) return found;
    throw refused(
      `source and target are not equal: ${found.differences.length} of ${found.keys} keys differ, ` +
        `such as ${quoted(first.key)} (${first.reason}); see verify() for all of them`,
    );
  }

  #verify(replicator: Replicator): Promise<Verification> {
    return verify({
      ...replicator.sides,
      targetOf: (key) => replicator.targetOf(key),
      sourceOf: (targetKey) => replicator.sourceOf(targetKey),
      isOwn: (key) => replicator.isOwn(key),
      isConflict: (key) => replicator.conflicts.some(({ targetKey }) => targetKey === key),
      sync: () => this.#sync(replicator),
      signal: this.#parts.settings.signal,
    });
  }

  async #sync(replicator: Replicator): Promise<void> {
    const { signal, syncTimeoutMs } = this.#parts.settings;
    await replicator.sync(signal ?? new AbortController().signal, syncTimeoutMs);
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

  /** The way back: what was in the source at the cut over, and was carried over, is as good as an own key. */
  #back(cutOver: Bookmark | undefined): {
    readonly settings: Settings;
    readonly assumeOwn: (item: KeyValue) => boolean;
  } {
    const { settings, unmapKey } = this.#parts;
    const { name, prefix, places, mapKey } = settings;
    if (unmapKey === undefined && cutOver !== undefined) {
      throw invalidArgument('a retreat after the cut over needs unmapKey, the inverse of mapKey');
    }
    // Another key, also where both stores are the same server.
    const backPlaces: Places = checkPlaces({ prefix, name, recordKey: `${places.record}!back` }, this.#source);
    return {
      settings: { ...settings, prefix: places.prefix, places: backPlaces, mapKey: unmapKey ?? (() => undefined) },
      assumeOwn: ({ key, modRevision }) =>
        cutOver !== undefined && modRevision <= cutOver.revision && mapKey(key.slice(prefix.length)) !== undefined,
    };
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

  #conflict(item: KeyValue, targetKey: string, copy: KeyValue | undefined, isOwn: boolean): Conflict | undefined {
    const { capabilities } = this.#target;
    const base = { key: item.key, targetKey, revision: item.modRevision, resolution: 'left' } as const;
    let reason: 'key' | 'value' = 'key';
    try {
      checkStorableKey(targetKey, capabilities);
      reason = 'value';
      checkStorableValue(item.value, capabilities, targetKey);
    } catch (error) {
      return { ...base, reason, message: describeConflict(reason, targetKey, toStoreError(error).message) };
    }
    if (copy === undefined || isOwn || (bytesEqual(copy.value, item.value) && !isMortal(copy))) return undefined;
    const message = describeConflict('exists', targetKey);
    return { ...base, reason: 'exists', message, targetRevision: copy.modRevision };
  }
}

const NOWHERE = { revision: 1, identity: '' } as unknown as Bookmark;

function resultOf({ stage, late = [] }: MigrationNote, bookmark: Bookmark): CutOverResult {
  return { stage, bookmark, late };
}

function refused(message: string): StoreError {
  return new StoreError('conflict', message, { outcome: 'not-applied' });
}
