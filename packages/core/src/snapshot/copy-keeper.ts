import { messageOf, Slicer } from '@holdfast/store/adapter';
import { Alarm } from '../util/alarm.js';
import { Framer } from './frames.js';
import { RECORD } from './header.js';
import { certain, type Keeper, type KeeperContext, whyKept } from './keeper.js';
import { readSaved, type Saved } from './read-saved.js';
import type { SnapshotStore } from './snapshot-store.js';
import { BaseBroken, writeBase } from './write-base.js';

const SAVE_EVERY_MS = 60_000;
const RETRY_MS = { initial: 1_000, most: 60_000 };
/** After this long a save is told of, in milliseconds. */
const SLOW_MS = 60_000;
/** A copy that is still right is saved anew after this long, in milliseconds, so that it does not look old. */
const RENEW_MS = 3_600_000;

/** Saves whole copies, one in a while. */
export class CopyKeeper implements Keeper {
  readonly #store: SnapshotStore;
  readonly #context: KeeperContext;
  readonly #everyMs: number;
  readonly #alarm: Alarm;
  #done: Promise<void> | undefined;
  /** What is behind the copies that are saved: an older one, of another history. */
  #kept: Uint8Array | undefined;
  #isOwn = false;
  /** The histories of the table of which what was saved before is kept. */
  #histories = 0;

  constructor(store: SnapshotStore, context: KeeperContext) {
    this.#store = store;
    this.#context = context;
    this.#everyMs = context.saveEveryMs ?? store.saveEveryMs ?? SAVE_EVERY_MS;
    this.#alarm = new Alarm(context.clock);
  }

  begin(): void {
    if (!this.#alarm.isStopped) this.#done ??= this.#run();
  }

  async close(): Promise<void> {
    this.#alarm.stop();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { clock, logger, journal, maxAgeMs = Infinity } = this.#context;
    let retryMs = RETRY_MS.initial;
    let changes: number | undefined;
    let saved = -Infinity;
    while (!this.#alarm.isStopped) {
      if (changes === journal.changes && clock.now() - saved < Math.min(RENEW_MS, maxAgeMs / 4)) {
        await this.#alarm.rest(this.#everyMs);
        continue;
      }
      try {
        const seen = journal.changes;
        await this.#save(await this.#copy());
        changes = seen;
        saved = clock.now();
        retryMs = RETRY_MS.initial;
        await this.#alarm.rest(this.#everyMs);
      } catch (error) {
        if (error instanceof BaseBroken) continue;
        logger.warn(`the snapshot could not be saved: ${messageOf(error)}; the mirror goes on, and retries`, { error });
        await this.#alarm.rest(Math.max(retryMs, this.#everyMs));
        retryMs = Math.min(2 * retryMs, RETRY_MS.most);
      }
    }
  }

  /** There is never more than one at a time: one that does not end is waited for, and told of. */
  async #save(bytes: Uint8Array): Promise<void> {
    const { clock, logger } = this.#context;
    const timer = clock.setTimeout(() => {
      logger.warn(
        `the snapshot is being saved for ${SLOW_MS / 1_000} s: save() has not settled; no other is saved before`,
      );
    }, SLOW_MS);
    try {
      await this.#store.save(bytes);
    } finally {
      clock.clearTimeout(timer);
    }
  }

  /** A whole copy, with what must be kept behind it. */
  async #copy(): Promise<Uint8Array> {
    const { journal } = this.#context;
    await this.#lookBehind();
    const chunks: Uint8Array[] = [];
    const { queue, checksum } = await writeBase(this.#context, (chunk) => {
      chunks.push(chunk);
      return Promise.resolve();
    });
    journal.letGo(queue);
    if (this.#kept !== undefined) {
      const payload = new Uint8Array(this.#kept.length + 1);
      payload[0] = RECORD.kept;
      payload.set(this.#kept, 1);
      chunks.push(new Framer(checksum).frame(payload));
    }
    return joined(chunks, new Slicer(this.#context.clock, 1));
  }

  /** Looks whether what is saved there must not get lost. */
  async #lookBehind(): Promise<void> {
    const { journal, logger } = this.#context;
    const { breaks, histories } = journal;
    const isOther = histories !== this.#histories;
    if (this.#isOwn && !isOther) return;
    const bytes = await this.#store.load();
    if (bytes !== undefined && bytes.length > 0) {
      const there = bytes.slice();
      const why = this.#isOwn
        ? certain('it is of another history')
        : await whyKept({ base: there }, this.#context, isOther);
      await this.#keep(there, why !== undefined);
      if (why !== undefined) logger.warn(`the saved snapshot is kept behind the new one: ${why.message}`);
    }
    if (journal.breaks !== breaks) throw new BaseBroken('the table has changed as a whole');
    this.#isOwn = true;
    this.#histories = histories;
  }

  /** What is kept makes way only for a copy of at least as many keys: what was lost with one disaster is not lost with the next one. */
  async #keep(there: Uint8Array, isNeeded: boolean): Promise<void> {
    const saved = await this.#read(there);
    const candidates = [...(isNeeded ? [there] : []), this.#kept, saved?.kept];
    let most = -1;
    for (const bytes of candidates) {
      if (bytes === undefined) continue;
      const each = bytes === there ? saved : await this.#read(bytes);
      const size = sizeOf(each);
      if (size <= most) continue;
      most = size;
      // Without what is kept behind it in turn.
      this.#kept = bytes.slice(0, each?.bytes.base);
    }
  }

  async #read(bytes: Uint8Array): Promise<Saved | undefined> {
    return readSaved({ base: bytes }, this.#context.clock).catch(() => undefined);
  }
}

/** The number of keys of a copy. */
function sizeOf(saved: Saved | undefined): number {
  return saved === undefined ? 0 : saved.rows.reduce((sum, { length, void: gone }) => sum + length - gone.size, 0);
}

async function joined(chunks: readonly Uint8Array[], slicer: Slicer): Promise<Uint8Array> {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
    if (slicer.isDue()) await slicer.pause();
  }
  return bytes;
}
