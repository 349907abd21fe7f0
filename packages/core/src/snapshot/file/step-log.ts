import { Buffer } from 'node:buffer';
import type { Slicer } from '@holdfast/store/adapter';
import { Framer } from '../frames.js';
import { MAGIC, RECORD } from '../header.js';
import type { StepQueue } from '../step-queue.js';
import { type Copied, firstBytes, markOf, type WrittenBase } from '../write-base.js';
import type { FileSystem, OpenFile } from './file-system.js';
import { logPath } from './paths.js';

/** About how many bytes are written at a time. */
const CHUNK_BYTES = 256 * 1024;

/** The steps since a base, in a file beside it. */
export class StepLog {
  readonly path: string;
  readonly #file: OpenFile;
  readonly #queue: StepQueue;
  readonly #framer: Framer;
  /** What is written and whole. What is behind it came of a write that failed, and the next one takes its place. */
  #size = 0;

  private constructor(path: string, file: OpenFile, queue: StepQueue, framer: Framer) {
    this.path = path;
    this.#file = file;
    this.#queue = queue;
    this.#framer = framer;
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
      await this.#file.sync();
    } catch (error) {
      this.#queue.putBack(steps);
      this.#framer.checksum = before.checksum;
      this.#size = before.size;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#size);
    this.#size += bytes.length;
  }
}
