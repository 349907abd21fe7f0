import { dirname } from 'node:path';
import { isStoreError } from '@holdfast/store';
import { messageOf, monotonicMs, Slicer } from '@holdfast/store/adapter';
import { Alarm } from '../../util/alarm.js';
import { certain, type Keeper, type KeeperContext, type KeepReason, whyKept } from '../keeper.js';
import { readHeader } from '../read-saved.js';
import { BaseBroken, writeBase, type WrittenBase } from '../write-base.js';
import type { FileFacts, FileSystem } from './file-system.js';
import { doubtsOf, keptOf, keptPath, leftOver, logsOf, temporaryPath } from './paths.js';
import { readSnapshotFile } from './read-file.js';
import { StepLog } from './step-log.js';
import { BEAT_MS, WriterMark } from './writer-mark.js';

const SAVE_AFTER_MS = 5_000;
const RETRY_MS = { initial: 500, most: 30_000 };
/** How often a quiet mirror notes that it is still complete, in milliseconds. */
const MARK_MS = 30_000;
/** A base is replaced once its log is this many times as large; after an hour, once it is a part of that. */
const MOST_LOG = { times: 2, part: 1 / 4, least: 1024 * 1024, leastPart: 64 * 1024, afterMs: 3_600_000 };
/** After a base could not be written, in milliseconds. */
const BASE_RETRY_MS = 60_000;
/** The most bytes of steps that wait for a disk. After more of them a new base is written, when that can be done again. */
const MOST_WAITING = 32 * 1024 * 1024;
/** How many snapshots are kept beside: the last ones, and the largest one. Of those that are kept in doubt, only the last ones. */
const MOST_KEPT = 5;
const MOST_DOUBTS = 2;

/** Keeps one snapshot in a file: a base, and a log of the steps since. */
export class FileKeeper implements Keeper {
  readonly #files: FileSystem;
  readonly #path: string;
  readonly #context: KeeperContext;
  readonly #saveAfterMs: number;
  readonly #alarm: Alarm;
  readonly #mark: WriterMark;
  #done: Promise<void> | undefined;
  #log: StepLog | undefined;
  #base: { readonly bytes: number; at: number; readonly breaks: number; readonly id: string | undefined } | undefined;
  /** Since when a step waits to be written. */
  #dirtySince: number | undefined;
  #markedAt = 0;
  /** Until when a base that is only smaller than its log is not tried again. */
  #baseAfter = 0;
  #isReaderTold = false;
  /** The histories of the table of which what was written before is kept. */
  #histories = 0;

  constructor(files: FileSystem, path: string, context: KeeperContext, saveAfterMs: number | undefined) {
    this.#files = files;
    this.#path = path;
    this.#context = context;
    this.#saveAfterMs = context.saveAfterMs ?? saveAfterMs ?? SAVE_AFTER_MS;
    this.#alarm = new Alarm(context.clock);
    this.#mark = new WriterMark(files, path, context.clock);
  }

  begin(): void {
    if (!this.#alarm.isStopped) this.#done ??= this.#run();
  }

  async close(): Promise<void> {
    this.#alarm.stop();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { logger, journal, clock } = this.#context;
    let { breaks } = journal;
    journal.onStep = () => {
      // Once for many steps: they are written together.
      if (this.#dirtySince !== undefined && journal.breaks === breaks) return;
      ({ breaks } = journal);
      this.#dirtySince ??= monotonicMs(clock);
      this.#alarm.ring();
    };
    let retryMs = RETRY_MS.initial;
    // A mirror that is closed at once is saved all the same.
    let isOwed = true;
    while (!this.#alarm.isStopped || isOwed) {
      isOwed = false;
      try {
        if (await this.#claims()) await this.#work();
        else await this.#alarm.rest(BEAT_MS);
        retryMs = RETRY_MS.initial;
      } catch (error) {
        if (error instanceof BaseBroken) {
          isOwed = true;
          continue;
        }
        // What can't be compared with the store now is kept in doubt when the mirror closes.
        isOwed = isStoreError(error) && !this.#alarm.isStopped;
        logger.warn(
          `the snapshot ${this.#path} could not be written: ${messageOf(error)}; the mirror goes on, and retries`,
          { error },
        );
        await this.#alarm.rest(retryMs * (0.5 + this.#context.random() / 2));
        retryMs = Math.min(2 * retryMs, RETRY_MS.most);
      }
    }
    journal.onStep = () => undefined;
    await this.#writeLast().catch((error: unknown) => {
      logger.warn(`the last changes could not be written to the snapshot ${this.#path}: ${messageOf(error)}`, {
        error,
      });
    });
    await this.#leave();
    await this.#mark.release().catch(() => undefined);
  }

  async #claims(): Promise<boolean> {
    await this.#files.makeFolder(dirname(this.#path));
    if (await this.#mark.claim()) return true;
    await this.#leave();
    if (!this.#isReaderTold) {
      this.#context.logger.warn(
        `another process or mirror writes the snapshot ${this.#path}; this one only reads it, and takes over when that is gone`,
      );
    }
    this.#isReaderTold = true;
    return false;
  }

  /** Writes what is due, once. */
  async #work(): Promise<void> {
    const { journal, clock } = this.#context;
    if (this.#log !== undefined && this.#log.queue.weight > MOST_WAITING) await this.#leave();
    if (this.#log === undefined || this.#needsBase(this.#log)) {
      // If that fails, the log goes on for a while where it can.
      this.#baseAfter = monotonicMs(clock) + BASE_RETRY_MS;
      await this.#writeBase();
      this.#baseAfter = 0;
    } else {
      await this.#alarm.wait(this.#restMs());
      const isDue = this.#restMs() <= 0 || this.#alarm.isStopped;
      if (!isDue || this.#base?.breaks !== journal.breaks || !(await this.#isOwn())) return;
      if (this.#dirtySince === undefined && this.#alarm.isStopped) return;
      const dirtySince = this.#dirtySince;
      this.#dirtySince = undefined;
      try {
        await this.#flush(this.#log);
      } catch (error) {
        this.#dirtySince ??= dirtySince;
        throw error;
      }
      this.#markedAt = monotonicMs(clock);
    }
  }

  /**
   * Whether there is something to write to a log beside other work. Never rejects: whoever does that work asks for the end of this only when it is
   * done, and until then nobody would handle it.
   */
  async #canGoOn({ queue }: StepLog, breaks: number): Promise<boolean> {
    if (queue.isEmpty || this.#context.journal.breaks !== breaks) return false;
    return this.#mark.holds().catch(() => false);
  }

  /** Writes what is due, and what comes while that is synced: a busy disk may take seconds for it. */
  async #flush(log: StepLog): Promise<void> {
    const { journal, clock } = this.#context;
    const { breaks } = journal;
    await log.write(this.#context, new Slicer(clock));
    const alarm = new Alarm(clock);
    const writing = (async () => {
      for (;;) {
        await alarm.wait(this.#saveAfterMs / 4);
        if (alarm.isStopped) return;
        if (!(await this.#canGoOn(log, breaks))) continue;
        // Where it fails, the next flush tells of it.
        await log.write(this.#context, new Slicer(clock)).catch(() => undefined);
      }
    })();
    try {
      await log.sync();
    } finally {
      alarm.stop();
      await writing;
    }
  }

  /** What came since the last write, when the mirror closes. */
  async #writeLast(): Promise<void> {
    const { journal, clock } = this.#context;
    const log = this.#log;
    if (log === undefined) return;
    if (this.#base?.breaks !== journal.breaks) {
      if (await this.#mark.holds()) await this.#writeBase();
    } else if (!log.queue.isEmpty && (await this.#isOwn())) await log.flush(this.#context, new Slicer(clock));
  }

  /** How long nothing need be done, in milliseconds. */
  #restMs(): number {
    const { clock, maxAgeMs = Infinity } = this.#context;
    const now = monotonicMs(clock);
    // A clock that stands in for a monotonic one may have been set back.
    this.#markedAt = Math.min(this.#markedAt, now);
    if (this.#dirtySince !== undefined) {
      if (now < this.#dirtySince) return 0;
      // Early, since writing and syncing take their time too: on a busy disk more than a second.
      return this.#dirtySince + this.#saveAfterMs / 4 - now;
    }
    const next = this.#markedAt + Math.max(Math.min(MARK_MS, maxAgeMs / 4), this.#saveAfterMs / 2) - now;
    return Math.min(next, MARK_MS);
  }

  #needsBase(log: StepLog): boolean {
    const { journal, clock } = this.#context;
    if (this.#base === undefined || this.#base.breaks !== journal.breaks) return true;
    const now = monotonicMs(clock);
    // As above.
    this.#base.at = Math.min(this.#base.at, now);
    const { bytes, at } = this.#base;
    if (now < this.#baseAfter && now >= this.#baseAfter - BASE_RETRY_MS) return false;
    if (log.size > Math.max(MOST_LOG.times * bytes, MOST_LOG.least)) return true;
    return log.size > Math.max(MOST_LOG.part * bytes, MOST_LOG.leastPart) && now - at >= MOST_LOG.afterMs;
  }

  /** Whether this is still the writer, and the base that it wrote is in its place. */
  async #isOwn(): Promise<boolean> {
    if (!(await this.#mark.holds())) return false;
    const facts = await this.#files.stat(this.#path);
    if (facts !== undefined && facts.id === this.#base?.id) return true;
    this.#base = undefined;
    return false;
  }

  async #writeBase(): Promise<void> {
    const { journal, clock } = this.#context;
    const { breaks, histories } = journal;
    const why = await this.#whyKept();
    if (journal.breaks !== breaks) throw new BaseBroken('the table has changed as a whole');
    const temporary = temporaryPath(this.#path, crypto.randomUUID().replaceAll('-', '').slice(0, 16));
    const stopFlushing = this.#keepFlushing();
    let base: WrittenBase | undefined;
    let log: StepLog | undefined;
    let id: string | undefined;
    let isInPlace = false;
    try {
      base = await this.#writeTemporary(temporary);
      if (why !== undefined) await this.#keepOld(why);
      log = await StepLog.begin(this.#files, this.#path, base, this.#context, new Slicer(clock));
      await stopFlushing();
      // What came while that went on must be beside the new base as well when it takes its place.
      if (!log.queue.isEmpty) await log.flush(this.#context, new Slicer(clock));
      if (journal.breaks !== breaks) throw new BaseBroken('the table has changed as a whole');
      const isWriter = await this.#mark.holds();
      if (!isWriter) throw new Error('another process has taken over');
      // By its own name: at the path there may be that of another writer in a moment.
      ({ id } = (await this.#files.stat(temporary)) ?? {});
      await this.#files.rename(temporary, this.#path);
      isInPlace = true;
      await this.#files.syncFolder(dirname(this.#path));
    } catch (error) {
      await stopFlushing();
      if (base !== undefined) journal.letGo(base.queue);
      await log?.close().catch(() => undefined);
      // Once it is in its place, its log belongs to it.
      if (log !== undefined && !isInPlace) await this.#files.remove(log.path).catch(() => undefined);
      await this.#files.remove(temporary).catch(() => undefined);
      throw error;
    }
    await this.#leave();
    this.#log = log;
    this.#base = { bytes: base.bytes, at: monotonicMs(clock), breaks, id };
    this.#histories = histories;
    this.#markedAt = monotonicMs(clock);
    if (log.queue.isEmpty) this.#dirtySince = undefined;
    await this.#tidy(base.header.id, why !== undefined).catch(() => undefined);
  }

  /** Removes what no base needs; and of the snapshots that were kept, if there is another one, those that are too many. */
  async #tidy(id: string, hasKept: boolean): Promise<void> {
    const folder = dirname(this.#path);
    const names = await this.#files.list(folder);
    for (const path of leftOver(this.#path, names, id)) await this.#files.remove(path);
    if (!hasKept) return;
    const kept = await this.#filesAt(keptOf(this.#path, names));
    const [largest] = [...kept].sort((a, b) => b.size - a.size);
    const old = kept.slice(MOST_KEPT).filter((each) => each !== largest);
    const doubts = await this.#filesAt(doubtsOf(this.#path, names));
    for (const { path } of [...old, ...doubts.slice(MOST_DOUBTS)]) {
      for (const log of logsOf(path, names)) await this.#files.remove(log);
      await this.#files.remove(path);
    }
  }

  /** The files that are there, the latest first. */
  async #filesAt(paths: readonly string[]): Promise<readonly (FileFacts & { readonly path: string })[]> {
    const found: (FileFacts & { readonly path: string })[] = [];
    for (const path of paths) {
      const facts = await this.#files.stat(path);
      if (facts !== undefined) found.push({ path, ...facts });
    }
    return found.sort((a, b) => b.changed - a.changed);
  }

  async #writeTemporary(path: string): Promise<WrittenBase> {
    const file = await this.#files.create(path, false);
    let written: WrittenBase | undefined;
    try {
      try {
        let position = 0;
        written = await writeBase(this.#context, async (bytes) => {
          await file.write(bytes, position);
          position += bytes.length;
        });
        await file.sync();
      } finally {
        // Some file systems tell only here that there is no room.
        await file.close();
      }
      return written;
    } catch (error) {
      if (written !== undefined) this.#context.journal.letGo(written.queue);
      throw error;
    }
  }

  /** Goes on writing the log of the old base while a new one is written. Returns what ends that. */
  #keepFlushing(): () => Promise<void> {
    const { journal, clock } = this.#context;
    const log = this.#log;
    if (log === undefined || this.#base?.breaks !== journal.breaks) return () => Promise.resolve();
    const alarm = new Alarm(clock);
    const { breaks } = journal;
    const flushing = (async () => {
      while (!alarm.isStopped) {
        await alarm.wait(this.#saveAfterMs / 4);
        if (!(await this.#canGoOn(log, breaks))) continue;
        // Where it fails, the new base has it too.
        await this.#flush(log).catch(() => undefined);
      }
    })();
    return async () => {
      alarm.stop();
      await flushing;
    };
  }

  /** Why what is at the path must be kept; `undefined` where the table continues it, or nothing is there. */
  async #whyKept(): Promise<KeepReason | undefined> {
    const { journal } = this.#context;
    const facts = await this.#files.stat(this.#path);
    if (facts === undefined) return undefined;
    const isOther = journal.histories !== this.#histories;
    if (facts.id === this.#base?.id) return isOther ? certain('the store has another history now') : undefined;
    const there = await readSnapshotFile(this.#files, this.#path);
    return there === undefined ? undefined : whyKept(there, this.#context, isOther);
  }

  /** Gives the old snapshot a second name, before a new one takes its place. */
  async #keepOld({ message, isDoubt }: KeepReason): Promise<void> {
    const facts = await this.#files.stat(this.#path);
    const there = await this.#files.read(this.#path);
    if (facts === undefined || there === undefined) return;
    // The steps from before the table changed as a whole: nothing else comes after them.
    const log = this.#log;
    if (log?.queue.isEnded === true && facts.id === this.#base?.id)
      await log.flush(this.#context, new Slicer(this.#context.clock)).catch(() => undefined);
    const kept = keptPath(this.#path, idOf(there) ?? facts.id.replaceAll(':', '-'), isDoubt);
    // Which log is its own need not be known: a base of a later format can't be asked.
    const logs = logsOf(this.#path, await this.#files.list(dirname(this.#path)));
    for (const path of logs) await this.#files.link(path, kept + path.slice(this.#path.length));
    await this.#files.link(this.#path, kept);
    await this.#files.syncFolder(dirname(this.#path));
    this.#context.logger.warn(`the snapshot ${this.#path} is kept as ${kept}: ${message}`);
  }

  /** Lets go of the log. */
  async #leave(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    if (log === undefined) return;
    this.#context.journal.letGo(log.queue);
    await log.close().catch(() => undefined);
  }
}

function idOf(base: Uint8Array): string | undefined {
  try {
    const { id } = readHeader(base);
    return /^[0-9a-f]{16}$/.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}
