import type { SavedKey } from '../table/collection-table.js';
import type { Unclaimed } from '../table/unclaimed-keys.js';
import type { Slicer } from '@holdfast/store/adapter';
import { ByteWriter } from './byte-writer.js';
import { RECORD } from './header.js';
import { KeyWriter } from './key-record.js';

/** What a step has left of one key. Neither: it is gone. */
export interface TouchedKey {
  /** Without the prefix. */
  readonly key: string;
  readonly saved?: SavedKey;
  readonly unclaimed?: Unclaimed;
}

/** A key that is not UTF-8. */
export interface UnreadableKey {
  readonly rawKey: Uint8Array;
  readonly revision: number;
  readonly since: number;
}

/** One step of the table: what it has left of each key that it touched. Entries don't change, so it can be written later. */
export class SavedStep {
  readonly revision: number;
  readonly keys: readonly TouchedKey[];
  /** All of them, where one is new or gone. */
  readonly unreadable: readonly UnreadableKey[] | undefined;
  #payload: Uint8Array | undefined;

  constructor(revision: number, keys: readonly TouchedKey[], unreadable: readonly UnreadableKey[] | undefined) {
    this.revision = revision;
    this.keys = keys;
    this.unreadable = unreadable;
  }

  /** About how much memory it keeps, in bytes. */
  get weight(): number {
    return this.keys.reduce((sum, { key, saved }) => sum + key.length + weightOf(saved), 64);
  }

  /** The step as a record, made in slices. */
  async payload(slicer: Slicer): Promise<Uint8Array> {
    if (this.#payload !== undefined) return this.#payload;
    const encoding = this.#encoding();
    for (;;) {
      const next = encoding.next();
      if (next.done === true) return (this.#payload ??= next.value);
      if (slicer.isDue()) await slicer.pause();
    }
  }

  /** The same in one turn. */
  encode(): Uint8Array {
    if (this.#payload !== undefined) return this.#payload;
    const encoding = this.#encoding();
    let next = encoding.next();
    while (next.done !== true) next = encoding.next();
    return (this.#payload = next.value);
  }

  /** Yields after each key. */
  *#encoding(): Generator<undefined, Uint8Array> {
    const writer = new ByteWriter(256);
    writer.byte(RECORD.step);
    writer.uint(this.revision);
    const keys = new KeyWriter(writer, this.revision);
    for (const { key, saved, unclaimed } of this.keys) {
      if (saved !== undefined) keys.put(key, saved);
      else if (unclaimed !== undefined) keys.unclaimed(key, unclaimed);
      else keys.gone(key);
      yield;
    }
    if (this.unreadable !== undefined) {
      keys.noUnreadable();
      for (const { rawKey, revision, since } of this.unreadable) keys.unreadable(rawKey, revision, since);
    }
    return writer.take();
  }
}

function weightOf(saved: SavedKey | undefined): number {
  return saved === undefined ? 0 : 128 + saved.current.raw.length + (saved.lastGood?.raw.length ?? 0);
}

/** The steps that are still to be written to one place. */
export class StepQueue {
  #steps: SavedStep[] = [];
  #weight = 0;
  #isEnded = false;

  /** Whether the table has made a step that does not lead on from these: no other comes after them. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  end(): void {
    this.#isEnded = true;
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  /** About how much memory they keep, in bytes. */
  get weight(): number {
    return this.#weight;
  }

  add(step: SavedStep): void {
    this.#steps.push(step);
    this.#weight += step.weight;
  }

  /** All steps, in order; the queue is empty then. */
  take(): readonly SavedStep[] {
    const steps = this.#steps;
    this.#steps = [];
    this.#weight = 0;
    return steps;
  }

  /** Puts steps back that could not be written, before those that came since. */
  putBack(steps: readonly SavedStep[]): void {
    this.#steps = [...steps, ...this.#steps];
    this.#weight = this.#steps.reduce((sum, { weight }) => sum + weight, 0);
  }
}
