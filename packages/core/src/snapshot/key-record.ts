import type { SavedKey, SavedVersion } from '../table/collection-table.js';
import type { Unclaimed } from '../table/unclaimed-keys.js';
import type { ByteWriter } from './byte-writer.js';
import { KIND, WIDE_KEY } from './saved-rows.js';

/** Writes what a copy has of one key after the other. Revisions are told relative to that of the step or base that they are in. */
export class KeyWriter {
  readonly #writer: ByteWriter;
  readonly #reference: number;

  constructor(writer: ByteWriter, reference: number) {
    this.#writer = writer;
    this.#reference = reference;
  }

  gone(key: string): void {
    this.#begin(KIND.gone, key);
  }

  put(key: string, { current, lastGood, bad }: SavedKey): void {
    this.#begin(kindOf(lastGood, bad), key);
    this.#version(current);
    if (bad !== undefined) {
      this.#writer.uint(Math.max(0, Math.floor(bad.since)));
      this.#writer.text(bad.reason);
    }
    if (lastGood !== undefined) this.#version(lastGood);
  }

  unclaimed(key: string, { modRevision, digest }: Unclaimed): void {
    this.#begin(KIND.unclaimed, key);
    this.#writer.int(this.#reference - modRevision);
    this.#writer.double(digest);
  }

  /** All keys that are not UTF-8 follow. */
  noUnreadable(): void {
    this.#writer.byte(KIND.noUnreadable);
  }

  unreadable(rawKey: Uint8Array, revision: number, since: number): void {
    this.#writer.byte(KIND.unreadable);
    this.#writer.raw(rawKey);
    this.#writer.int(this.#reference - revision);
    this.#writer.uint(Math.max(0, Math.floor(since)));
  }

  #begin(kind: number, key: string): void {
    const isWide = !isAsciiText(key);
    this.#writer.byte(isWide ? kind | WIDE_KEY : kind);
    if (isWide) this.#writer.text(key);
    else this.#writer.raw(key);
  }

  #version({ modRevision, createRevision, version, raw }: SavedVersion): void {
    this.#writer.int(this.#reference - modRevision);
    this.#writer.int(modRevision - createRevision);
    this.#writer.uint(version === undefined ? 0 : version + 1);
    this.#writer.raw(raw);
  }
}

function kindOf(lastGood: SavedVersion | undefined, bad: SavedKey['bad']): number {
  if (bad === undefined) return lastGood === undefined ? KIND.good : KIND.uncheckedAfterGood;
  return lastGood === undefined ? KIND.bad : KIND.badAfterGood;
}

function isAsciiText(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}
