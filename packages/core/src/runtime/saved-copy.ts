import { type Clock, type ConfigStore, type Logger, StoreError } from '@holdfast/store';
import { GuardedStore, messageOf, withDeadline } from '@holdfast/store/adapter';
import type { Step } from '../events/step.js';
import type { Settings, SnapshotSettings } from '../options/settings.js';
import { CopyKeeper } from '../snapshot/copy-keeper.js';
import { foreignReason, SnapshotRefusal, type SnapshotSource } from '../snapshot/header.js';
import { Journal } from '../snapshot/journal.js';
import { FILE, type Keeper, type KeeperContext, type OwnPlace } from '../snapshot/keeper.js';
import { readSaved, type Saved, type SavedBytes } from '../snapshot/read-saved.js';
import { showSaved } from '../snapshot/show-saved.js';
import type { Table } from '../table/table.js';
import type { Freshness } from './freshness.js';

/** The most milliseconds that a start waits for a snapshot to be read, and the most of the time that a start may take. */
const READ_MS = 10_000;
const READ_PART = 1 / 3;
/** How far a healthy mirror may be behind another one at least, in milliseconds. */
const LAG_MS = 10_000;
/** The most milliseconds that a close waits for the last save. */
const CLOSE_MS = 10_000;

export interface SavedCopyOptions {
  readonly store: ConfigStore;
  readonly table: Table;
  readonly freshness: Freshness;
  readonly settings: Settings;
  readonly snapshot: SnapshotSettings;
  /** Aborts when the mirror closes. */
  readonly signal: AbortSignal;
}

/** The copy of a mirror that outlives its process: read when the mirror starts, and kept up to date from its first contact with the store. */
export class SavedCopy {
  readonly journal: Journal;
  /** Whether the store had, at the revision of a copy, what that has; `undefined` where nobody can tell. */
  continues: (saved: Saved) => Promise<boolean | undefined> = () => Promise.resolve(undefined);
  readonly #options: SavedCopyOptions;
  readonly #source: SnapshotSource;
  readonly #keeper: Keeper;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: SavedCopyOptions) {
    const { store, table, freshness, settings, snapshot, signal } = options;
    const { clock, random, logger } = settings;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#source = sourceOf(store, settings, snapshot);
    this.journal = new Journal(table);
    table.journal = this.journal;
    const context: KeeperContext = {
      ...{ table, journal: this.journal, source: this.#source, clock, random, logger, signal },
      asOf: () => freshness.asOf ?? 0,
      raftTerm: () => GuardedStore.originOf(store).raftTerm,
      saveAfterMs: snapshot.saveAfterMs,
      saveEveryMs: snapshot.saveEveryMs,
      maxAgeMs: snapshot.maxAgeMs,
      continues: (saved) => this.continues(saved),
      lagMs: Math.max(LAG_MS, settings.livenessMs),
    };
    this.#keeper = ownPlaceOf(snapshot)?.keeper(context) ?? new CopyKeeper(snapshot.store, context);
  }

  /** What was saved, if it is there and may be shown. Why it may not goes to the logger. */
  async read(): Promise<Saved | undefined> {
    const { snapshot, signal } = this.#options;
    const where = ownPlaceOf(snapshot)?.where ?? 'that was saved';
    try {
      const bytes = await this.#load();
      if (bytes === undefined) return undefined;
      const saved = await readSaved(bytes, this.#clock);
      const foreign = foreignReason(saved.header, this.#source);
      if (foreign !== undefined) throw new SnapshotRefusal(foreign);
      if (saved.cut !== undefined)
        this.#logger.warn(`the snapshot ${where} goes to revision ${saved.point.bookmark.revision} only: ${saved.cut}`);
      const ageMs = this.#clock.now() - saved.point.asOf;
      if (ageMs > (snapshot.maxAgeMs ?? Infinity)) {
        this.#logger.warn(
          `the snapshot ${where} is ${Math.round(ageMs)} ms old, which is more than snapshotMaxAgeMs: it is not shown`,
        );
        return undefined;
      }
      return saved;
    } catch (error) {
      if (signal.aborted) throw error;
      this.#refuse(where, error);
      return undefined;
    }
  }

  /** Fills the empty table with what was saved, in one step. `undefined` where it can't be shown. */
  async show(saved: Saved, collect: boolean): Promise<(() => Step) | undefined> {
    try {
      return await showSaved(this.#options.table, saved, collect, this.#clock);
    } catch (error) {
      this.#refuse(ownPlaceOf(this.#options.snapshot)?.where ?? 'that was saved', error);
      return undefined;
    }
  }

  /** The identity of the copy, and its raft term, count as known: as if the store had seen them itself. */
  assume({ header, point }: Saved): void {
    const { identity } = point.bookmark;
    GuardedStore.assumeHistory(this.#options.store, { identity, raftTerm: header.raftTerm });
  }

  /** The mirror is proved to be what the store has. */
  begin(): void {
    this.#keeper.begin();
  }

  /** Resolves when everything is written, or that takes too long. */
  async close(): Promise<void> {
    const late = () => new StoreError('timeout', `the snapshot was not written within ${CLOSE_MS} ms`);
    await withDeadline({ clock: this.#clock, ms: CLOSE_MS, signal: undefined, late }, () => this.#keeper.close()).catch(
      (error: unknown) => {
        this.#logger.warn(`${messageOf(error)}; the mirror closes without`, { error });
      },
    );
  }

  async #load(): Promise<SavedBytes | undefined> {
    const { snapshot, settings, signal } = this.#options;
    const place = ownPlaceOf(snapshot);
    // The store may answer all the same.
    const ms = Math.min(READ_MS, Math.ceil(settings.startTimeoutMs * READ_PART));
    const late = () => new StoreError('timeout', `the snapshot was not read within ${ms} ms`);
    return withDeadline({ clock: this.#clock, ms, signal, late }, async () => {
      if (place !== undefined) return place.read();
      const bytes = (await snapshot.store.load()) as unknown;
      if (bytes === undefined || bytes === null) return undefined;
      if (!(bytes instanceof Uint8Array)) throw new SnapshotRefusal('load() gave something other than a Uint8Array');
      return { base: bytes };
    });
  }

  #refuse(where: string, error: unknown): void {
    const what = error instanceof SnapshotRefusal ? 'is refused' : 'could not be read';
    this.#logger.warn(
      `the snapshot ${where} ${what}: ${messageOf(error)}. The mirror waits for the store, and keeps the snapshot for inspection`,
      { error },
    );
  }
}

/** The place that reads and writes in its own way; `undefined` for whole copies. */
function ownPlaceOf({ store }: SnapshotSettings): OwnPlace | undefined {
  return (store as { readonly [FILE]?: OwnPlace })[FILE];
}

function sourceOf(store: ConfigStore, { range }: Settings, { name }: SnapshotSettings): SnapshotSource {
  const origin = GuardedStore.originOf(store);
  const endpoints = [...origin.endpoints].sort().join(',');
  const named = name ?? (endpoints === '' ? origin.name : endpoints);
  if (range.key !== undefined) return { store: named, key: origin.prefix + range.key };
  return { store: named, prefix: origin.prefix + (range.prefix ?? '') };
}
