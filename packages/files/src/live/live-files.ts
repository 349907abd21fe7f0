import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  abortable,
  backgroundClock,
  encodeUtf8,
  monotonicMs,
  notSent,
  quoted,
  toStoreError,
} from '@holdfast/adapter-kit';
import { isStoreError, StoreError, type Clock } from '@holdfast/store';
import { unavailable } from '../errors.js';
import { isDeletions } from '../folder/deletions.js';
import { isIgnored } from '../format/paths.js';
import { FileSource } from '../sources/file-source.js';
import { FolderSource } from '../sources/folder-source.js';
import { idOf, type Source } from '../sources/snapshot.js';
import { isUntouched, Writer } from '../write/writer.js';
import { LiveEntries, type Held } from './live-entries.js';
import { ProblemList } from './problem-list.js';
import { Watchers } from './watchers.js';
import type { LiveOptions } from './live-options.js';

export interface WriteOptions {
  readonly mustLook: boolean;
  readonly signal: AbortSignal | undefined;
}

/** A look takes at most this part of the time while nothing tells of changes. */
const IDLE_SHARE = 20;

/** What all handles of a store share: the entries as they were read last, and looking at the files, one look at a time. */
export class LiveFiles {
  readonly entries: LiveEntries;
  readonly problems: ProblemList;
  readonly #options: LiveOptions;
  readonly #clock: Clock;
  readonly #watchers: Watchers;
  #source: Source | undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** The look that begins next: it is for everybody who asks before it has begun. */
  #next: Promise<void> | undefined;
  #isLoaded = false;
  #isTidied = false;
  /** Somebody rang since the last look began. */
  #isRung = true;
  #lookedAt = 0;
  /** How long the last look took that found nothing new. */
  #lookMs = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.entries = new LiveEntries(`files-${randomUUID()}`, options.historyEvents);
    this.#clock = backgroundClock(options.clock);
    this.problems = new ProblemList(options.path, options.clock, options.logger);
    this.#watchers = new Watchers(options.logger, (folder, name) => this.#concerns(folder, name));
  }

  /** Rings whenever something may have changed. */
  readonly doorbell = (ring: () => void): (() => void) =>
    this.#watchers.add(() => {
      this.#isRung = true;
      ring();
    });

  /**
   * Looks at the files now, and takes over what has changed.
   *
   * @throws StoreError `unavailable` where they can't be read
   */
  async look(): Promise<void> {
    this.#next ??= this.#inTurn(() => {
      this.#next = undefined;
      return this.#look();
    });
    return this.#next;
  }

  /** For watches, which ask often: looks only if somebody rang, or after a while. */
  async poll(): Promise<void> {
    const waitMs = Math.max(this.#options.pollMs / 2, IDLE_SHARE * this.#lookMs);
    if (!this.#isLoaded || this.#isRung || monotonicMs(this.#clock) - this.#lookedAt >= waitMs) await this.look();
  }

  /** What was read last, without a look if there was one. */
  async loaded(): Promise<void> {
    if (!this.#isLoaded) await this.look();
  }

  /**
   * Runs a write of one key, after everything that was written before.
   *
   * @param options `mustLook`: whether what others have done must be known, since a guard decides by it
   */
  async write<T>(
    key: string,
    { mustLook, signal }: WriteOptions,
    run: (held: Held | undefined, write: KeyWriter) => Promise<T>,
  ): Promise<T> {
    return this.#change(signal, async (begin) => {
      if (mustLook || !this.#isLoaded) await this.#look();
      const id = idOf(encodeUtf8(key));
      if (!mustLook && !(await this.#isAsKnown(id))) await this.#look();
      const attempt = () => {
        this.#checkWhole([key]);
        begin();
        return run(this.entries.find(id), new KeyWriter(this.#folder, this.entries, this.#writer(), key));
      };
      try {
        return await attempt();
      } catch (error) {
        // Another program has made the file since. A write without a guard replaces it, once it is known.
        if (mustLook || !isStoreError(error, 'conflict') || !error.retryable) throw error;
        await this.#look();
        return await attempt();
      }
    });
  }

  /** Deletes entries at one revision. */
  async deleteAll(find: () => readonly Held[], signal: AbortSignal | undefined): Promise<readonly Held[]> {
    return this.#change(signal, async (begin) => {
      await this.#look();
      const all = find();
      if (all.length === 0) return all;
      this.#checkWhole(all.flatMap(({ source }) => source.key ?? []));
      this.#checkReachable(all);
      const folder = this.#folder;
      const files = all.flatMap(({ source }) => folder.fileOf(source.rawKey) ?? []);
      begin();
      await this.#writer().delete(files);
      for (const { path } of files) folder.forget(path);
      this.entries.apply(all.map(({ source }) => ({ id: idOf(source.rawKey), source: undefined })));
      return all;
    });
  }

  async #look(): Promise<void> {
    const began = monotonicMs(this.#clock);
    this.#isRung = false;
    try {
      const source = (this.#source ??= await this.#choose());
      let snapshot = await source.read();
      // A look that finds a change also waits until it is at rest.
      if (snapshot === undefined) this.#lookMs = monotonicMs(this.#clock) - began;
      this.#take(snapshot);
      // What happened in a folder before it was listened to has rung nobody.
      if (this.#listen()) {
        snapshot = await source.read();
        this.#take(snapshot);
        this.#listen();
      }
      if (source instanceof FolderSource) await this.#cleanUp(source);
    } catch (error) {
      this.#listen();
      throw error;
    } finally {
      this.#lookedAt = monotonicMs(this.#clock);
    }
  }

  #take(snapshot: Awaited<ReturnType<Source['read']>>): void {
    if (snapshot === undefined) return;
    this.problems.replace(snapshot.problems, snapshot.doubtful);
    this.entries.restore(snapshot);
    this.#isLoaded = true;
  }

  /** Beside the folder, and of hidden files in it, much may happen that is none of its entries. */
  #concerns(folder: string, name: string): boolean {
    if (!(this.#source instanceof FolderSource)) return true;
    const { path } = this.#options;
    if (folder === idOf(Buffer.from(dirname(path)))) return name === basename(path);
    const bytes = Buffer.from(name);
    return !isIgnored(bytes) || name.startsWith('..') || isDeletions(bytes);
  }

  #listen(): boolean {
    const { path } = this.#options;
    return this.#watchers.listenTo([dirname(path), path, ...(this.#source?.folders ?? [])]);
  }

  async #choose(): Promise<Source> {
    const { path, writable, settleMs, maxFileBytes, maxEntriesBytes, maxKeyBytes } = this.#options;
    const common = { path, settleMs, clock: this.#clock };
    let isFolder: boolean;
    try {
      isFolder = (await stat(path)).isDirectory();
    } catch (error) {
      throw unavailable(path, error);
    }
    if (isFolder) return new FolderSource({ ...common, maxFileBytes, maxKeyBytes });
    if (writable) {
      throw new StoreError(
        'invalid-argument',
        `${path} is a file with entries, which can only be read: leave writable out`,
      );
    }
    return new FileSource({ ...common, maxFileBytes: maxEntriesBytes });
  }

  /** Ends what writers have begun that were killed. What is abandoned is looked for once, when the folder is opened. */
  async #cleanUp(source: FolderSource): Promise<void> {
    if (!this.#options.writable || source.root?.isMount !== false) return;
    try {
      const isFirst = !this.#isTidied;
      this.#isTidied = true;
      const leftovers = [...source.leftovers, ...(isFirst ? await source.abandoned() : [])];
      if (leftovers.length > 0) await this.#writer().cleanUp(leftovers);
    } catch (error) {
      this.#options.logger.warn(`files of a killed writer can't be cleared away below ${this.#options.path}`, {
        error,
      });
    }
  }

  get #folder(): FolderSource {
    if (this.#source instanceof FolderSource) return this.#source;
    throw new StoreError('internal', 'only a folder is written to', { outcome: 'not-applied' });
  }

  #writer(): Writer {
    const { root } = this.#folder;
    if (root === undefined) throw new StoreError('internal', 'the folder was not read yet', { outcome: 'not-applied' });
    return new Writer(root, this.#options.maxFileBytes);
  }

  async #isAsKnown(id: string): Promise<boolean> {
    const { root } = this.#folder;
    const held = this.entries.find(id);
    if (root === undefined) return false;
    if (held === undefined) return true;
    const file = this.#folder.fileOf(held.source.rawKey);
    return file !== undefined && isUntouched(root, file);
  }

  /** What somebody was about to write by hand is not overwritten. */
  #checkWhole(keys: readonly string[]): void {
    const problem = this.problems.all.find(({ key }) => key !== undefined && keys.includes(key));
    if (problem === undefined) return;
    throw new StoreError(
      'conflict',
      `the file ${problem.path} of key ${quoted(problem.key ?? '')} can't be read, so nothing was written: ${problem.reason}`,
      { outcome: 'not-applied' },
    );
  }

  /** What stands in for files that can't be read at present has no file to be deleted: it would be back with its folder. */
  #checkReachable(all: readonly Held[]): void {
    const hidden = all.find(({ source }) => this.#folder.fileOf(source.rawKey) === undefined);
    if (hidden !== undefined) throw unreachable(hidden);
  }

  /**
   * Runs a change in its turn. `run` calls `begin` before it touches a file: a caller that has given up until then, or whose store was closed,
   * has changed nothing.
   */
  async #change<T>(signal: AbortSignal | undefined, run: (begin: () => void) => Promise<T>): Promise<T> {
    let hasBegun = false;
    const changing = this.#inTurn(async () => {
      signal?.throwIfAborted();
      return run(() => {
        signal?.throwIfAborted();
        hasBegun = true;
      });
    }).finally(() => {
      this.#watchers.ring();
    });
    try {
      // A mount that hangs must not hold the caller.
      return await abortable(changing, signal);
    } catch (error) {
      throw hasBegun ? error : notSent('write', toStoreError(error));
    }
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function unreachable({ source: { path } }: Held): StoreError {
  return new StoreError(
    'conflict',
    `the file ${path} can't be reached, so nothing was written: see store.problems(), and mend its folder`,
    { outcome: 'not-applied' },
  );
}

/** Writes one key: its file first, then what the store shows. */
export class KeyWriter {
  readonly #folder: FolderSource;
  readonly #entries: LiveEntries;
  readonly #writer: Writer;
  readonly #key: string;

  constructor(folder: FolderSource, entries: LiveEntries, writer: Writer, key: string) {
    this.#folder = folder;
    this.#entries = entries;
    this.#writer = writer;
    this.#key = key;
  }

  async put(value: Uint8Array): Promise<void> {
    const rawKey = encodeUtf8(this.#key);
    const own = new Uint8Array(value);
    const before = this.#folder.fileOf(rawKey);
    const held = this.#entries.find(idOf(rawKey));
    if (held !== undefined && before === undefined) throw unreachable(held);
    const { file, entry } = await this.#writer.put(this.#key, own, before, () => this.#folder.keys());
    if (before !== undefined) this.#folder.forget(before.path);
    this.#folder.note(file, entry);
    this.#entries.apply([{ id: idOf(rawKey), source: entry }]);
  }

  async delete(): Promise<void> {
    const rawKey = encodeUtf8(this.#key);
    const file = this.#folder.fileOf(rawKey);
    const held = this.#entries.find(idOf(rawKey));
    if (held !== undefined && file === undefined) throw unreachable(held);
    if (file !== undefined) {
      await this.#writer.delete([file]);
      this.#folder.forget(file.path);
    }
    this.#entries.apply([{ id: idOf(rawKey), source: undefined }]);
  }
}
