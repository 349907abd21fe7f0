import { Buffer } from 'node:buffer';
import { type Clock, StoreError } from '@holdfast/store';
import { Slicer } from '@holdfast/store/adapter';
import type { Table } from '../table/table.js';
import { ByteWriter } from './byte-writer.js';
import { Framer } from './frames.js';
import { FORMAT, MAGIC, RECORD, type SnapshotHeader, type SnapshotSource } from './header.js';
import type { Journal } from './journal.js';
import { KeyWriter } from './key-record.js';
import { prefixOf } from './show-saved.js';
import { StepQueue } from './step-queue.js';

/** What a copy is made of. */
export interface Copied {
  readonly table: Table;
  readonly journal: Journal;
  readonly source: SnapshotSource;
  readonly clock: Clock;
  /** Aborts when the mirror closes. */
  readonly signal: AbortSignal;
  /** As of when the table is complete, in milliseconds since the epoch. */
  readonly asOf: () => number;
  /** The highest raft term that was seen. */
  readonly raftTerm: () => number | undefined;
}

/** A base that was written. */
export interface WrittenBase {
  readonly header: SnapshotHeader;
  /** At its end; its log goes on from there. */
  readonly checksum: number;
  readonly bytes: number;
  /** The steps since its end. It goes on following the table. */
  readonly queue: StepQueue;
}

/** How many bytes of keys are one record, and one write. */
const KEYS_BYTES = 48 * 1024;

/** How often the steps that came meanwhile are written before the last of them, at most; and how heavy those may be, which are made in one turn. */
const ROUNDS = 20;
const LAST_WEIGHT = 64 * 1024;

/** The table made a step that nothing that was written leads on to. */
export class BaseBroken extends Error {}

/**
 * Writes all that the table has, in slices, while it goes on changing. The steps that it makes meanwhile follow the keys: only with them
 * it is a state that there was.
 *
 * @throws BaseBroken where another base must be begun
 */
export async function writeBase(copied: Copied, write: (bytes: Uint8Array) => Promise<void>): Promise<WrittenBase> {
  const { journal, clock } = copied;
  const { breaks } = journal;
  const queue = new StepQueue();
  journal.follow(queue);
  try {
    const slicer = new Slicer(clock);
    const framer = new Framer();
    const header = headerOf(copied);
    let bytes = 0;
    const put = async (chunk: Uint8Array) => {
      if (journal.breaks !== breaks) throw new BaseBroken('the table has changed as a whole');
      bytes += chunk.length;
      await write(chunk);
    };
    await put(firstBytes(MAGIC.base, header, framer));
    for await (const keys of keysOf(copied, header.revision, slicer)) await put(framer.frame(keys));
    // What comes while that is written is less each time. The last of it, and the end, are of one turn.
    for (let round = 0; round < ROUNDS && queue.weight > (round < 3 ? 0 : LAST_WEIGHT); round++) {
      const frames: Uint8Array[] = [];
      for (const step of queue.take()) frames.push(framer.frame(await step.payload(slicer)));
      await put(Buffer.concat(frames));
    }
    const last = queue.take().map((step) => framer.frame(step.encode()));
    await put(Buffer.concat([...last, framer.frame(markOf(RECORD.end, copied))]));
    return { header, checksum: framer.checksum, bytes, queue };
  } catch (error) {
    journal.letGo(queue);
    throw error;
  }
}

/** The beginning of a base or of a log: its magic and its header. */
export function firstBytes(magic: string, header: SnapshotHeader, framer: Framer): Uint8Array {
  const payload = Buffer.concat([Uint8Array.of(RECORD.header), Buffer.from(JSON.stringify(header))]);
  return Buffer.concat([Buffer.from(magic), framer.frame(payload)]);
}

/** Where the table is, and as of when. All of its steps up to there must be written before. */
export function markOf(record: number, { table, asOf }: Copied): Uint8Array {
  const writer = new ByteWriter(32);
  writer.byte(record);
  writer.uint(table.revision);
  writer.uint(Math.max(0, Math.floor(asOf())));
  return writer.take();
}

function headerOf({ table, journal, source, clock, raftTerm }: Copied): SnapshotHeader {
  const { bookmark } = table;
  if (bookmark === undefined) throw new StoreError('internal', 'there is nothing to copy before the load');
  const term = raftTerm();
  return {
    format: FORMAT,
    // Of the process's own, and not of the mirror's option `random`: ids of all processes must differ.
    id: crypto.randomUUID().replaceAll('-', '').slice(0, 16),
    ...source,
    identity: bookmark.identity,
    ...(term === undefined ? {} : { raftTerm: term }),
    revision: bookmark.revision,
    lastEvent: journal.lastEvent,
    written: Math.floor(clock.now()),
  };
}

/** Records of keys. A key that changes meanwhile comes as it was before or after: its step follows. */
async function* keysOf({ table, journal }: Copied, revision: number, slicer: Slicer): AsyncGenerator<Uint8Array> {
  const prefix = prefixOf(table);
  const writer = new ByteWriter(KEYS_BYTES + 4_096);
  const keys = new KeyWriter(writer, revision);
  const taken = function* (least: number) {
    if (writer.length <= least) return;
    yield writer.take();
    writer.byte(RECORD.keys);
  };
  writer.byte(RECORD.keys);
  for (const { rawKey, revision: at, since } of journal.unreadable()) keys.unreadable(rawKey, at, since);
  for (const collection of table.collections) {
    for (const relative of collection.savedKeys()) {
      const saved = collection.saved(relative);
      if (saved !== undefined) keys.put(collection.absolute(relative).slice(prefix.length), saved);
      yield* taken(KEYS_BYTES);
      if (slicer.isDue()) await slicer.pause();
    }
  }
  for (const key of table.unclaimed.keys()) {
    const unclaimed = table.unclaimed.get(key);
    if (unclaimed !== undefined) keys.unclaimed(key.slice(prefix.length), unclaimed);
    yield* taken(KEYS_BYTES);
    if (slicer.isDue()) await slicer.pause();
  }
  yield* taken(1);
}
