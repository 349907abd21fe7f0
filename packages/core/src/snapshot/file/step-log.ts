import { Buffer } from 'node:buffer';
import type { Slicer } from '@holdfast/store/adapter';
import { Framer } from '../frames.js';
import { MAGIC, RECORD } from '../header.js';
import type { SavedStep, StepQueue } from '../step-queue.js';
import { Lock } from '../../util/lock.js';
import { type Copied, firstBytes, markOf, type WrittenBase } from '../write-base.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { logPath } from './paths.js';

/** About how many bytes are written at a time. */
const CHUNK_BYTES = 256 * 1024;

/** How far a log was written. */
interface Written {
  readonly steps: number;
  readonly checksum: number;
  readonly size: number;
}

/** The steps since a base, in a file beside it. */
export class StepLog {
  readonly path: string;
  readonly #file: OpenFile;
  readonly #queue: StepQueue;
  readonly #framer: Framer;
  /** What is written and whole. What is behind it came of a write that failed, and the next one takes its place. */
  #size = 0;
  /** The steps that are written, and may not outlast a power failure yet; and what does. */
  #unsynced: SavedStep[] = [];
  #lasting: Pick<Written, 'checksum' | 'size'>;
  /** One write at a time. */
  readonly #lock = new Lock();

  private constructor(path: string, file: OpenFile, queue: StepQueue, framer: Framer) {
    this.path = path;
    this.#file = file;
    this.#queue = queue;
    this.#framer = framer;
    this.#lasting = { checksum: framer.checksum, size: 0 };
  }

  /** Begins the log of a base, with the steps that there are already. */
  static async begin(
    files: FileSystem,
    path: string,
    base: WrittenBase,
    copied: Copied,
    slicer: Slicer,
  ): Promise<StepLog> {
    const first = new Framer();
    const bytes = firstBytes(MAGIC.log, base.header, first);
    const name = logPath(path, base.header.id);
    const file = await files.create(name, false);
    const framer = new Framer((first.checksum ^ base.checksum) >>> 0);
    const log = new StepLog(name, file, base.queue, framer);
    try {
      await log.#append(bytes);
      await log.flush(copied, slicer);
    } catch (error) {
      await file.close();
      throw error;
    }
    return log;
  }

  get size(): number {
    return this.#size;
  }

  get queue(): StepQueue {
    return this.#queue;
  }

  /** Writes all steps so far, and how far the mirror is proved to be complete; resolves when that lasts. */
  async flush(copied: Copied, slicer: Slicer): Promise<void> {
    await this.write(copied, slicer);
    await this.sync();
  }

  /** Writes them. They outlive the process then, and only after `sync` a power failure. A `sync` may be under way. */
  write(copied: Copied, slicer: Slicer): Promise<void> {
    return this.#lock.run(() => this.#write(copied, slicer));
  }

  /** Resolves when everything lasts that was written before. Where that fails, all that may not last is to be written again. */
  async sync(): Promise<void> {
    const written = { steps: this.#unsynced.length, checksum: this.#framer.checksum, size: this.#size };
    try {
      await this.#file.sync();
      this.#unsynced.splice(0, written.steps);
      this.#lasting = written;
    } catch (error) {
      await this.#lock.run(async () => {
        this.#queue.putBack(this.#unsynced);
        this.#unsynced = [];
        this.#goBack(this.#lasting);
      });
      throw error;
    }
  }

  async #write(copied: Copied, slicer: Slicer): Promise<void> {
    // Of the same turn: the mark must not be ahead of the steps. Of a table that does not continue the base any more it would be wrong.
    const mark = this.#queue.isEnded ? undefined : markOf(RECORD.mark, copied);
    const steps = this.#queue.take();
    if (mark === undefined && steps.length === 0) return;
    const before = { checksum: this.#framer.checksum, size: this.#size };
    try {
      let chunks: Uint8Array[] = [];
      let bytes = 0;
      for (const step of steps) {
        const payload = await step.payload(slicer);
        chunks.push(this.#framer.head(payload), payload);
        bytes += payload.length;
        if (bytes < CHUNK_BYTES) continue;
        await this.#append(Buffer.concat(chunks));
        chunks = [];
        bytes = 0;
      }
      if (mark !== undefined) chunks.push(this.#framer.frame(mark));
      await this.#append(Buffer.concat(chunks));
      this.#unsynced.push(...steps);
    } catch (error) {
      this.#queue.putBack(steps);
      this.#goBack(before);
      throw error;
    }
  }

  #goBack({ checksum, size }: Pick<Written, 'checksum' | 'size'>): void {
    this.#framer.checksum = checksum;
    this.#size = size;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#size);
    this.#size += bytes.length;
  }
}
