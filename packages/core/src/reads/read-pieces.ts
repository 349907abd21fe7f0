import { isStoreError, type ListResult } from '@holdfast/store';
import { type KeyRange, ListPage, sleep, toStoreError } from '@holdfast/store/adapter';
import { isStoreClosed } from '../runtime/errors.js';
import type { Runtime } from '../runtime/runtime.js';
import { checkList, restOf, ScanCheck } from '../util/answers.js';
import type { Piece } from './intervals.js';
import { PAGE_TIMEOUT_MS } from './load.js';
import { timedPages } from './timed-pages.js';

/** How many keys the first piece may have: nobody knows yet how large they are. */
const FIRST_KEYS = 100;
const MOST_KEYS = 2_000;
/** About how many bytes a piece is to have, and how long it may take to come, before the next one gets smaller. */
const PIECE_BYTES = 1024 * 1024;
const PIECE_MS = PAGE_TIMEOUT_MS / 3;
/** How often a piece is asked for in a row. */
const MOST_TRIES = 5;

/** Called with each piece, which is waited for; `false` ends the reading. */
export type UsePiece = (piece: Piece) => unknown;

/**
 * Reads the mirror's range piece by piece, each at the store's head of that moment: no compaction can overtake that, however long it
 * takes. The pieces together are the state of no revision. Where a backend answers any read of a range whole, as one state, there
 * are no pieces at different revisions.
 */
export async function readPieces(runtime: Runtime, signal: AbortSignal, use: UsePiece): Promise<void> {
  if (runtime.store.capabilities.historicalReads) await readByLists(runtime, signal, use);
  else await readByScan(runtime, signal, use);
}

async function readByLists(runtime: Runtime, signal: AbortSignal, use: UsePiece): Promise<void> {
  const size = new PieceSize();
  let part: KeyRange | undefined = runtime.settings.range;
  while (part !== undefined) {
    const list: ListResult = await readPiece(runtime, part, size, signal);
    const rest: KeyRange | undefined = restOf(part, list);
    if ((await use({ page: new ListPage(list, rest !== undefined), end: rest?.start ?? part.end })) === false) return;
    part = rest;
  }
}

/** One that fails is asked for again, since all before it would have to be read again as well. */
async function readPiece(runtime: Runtime, part: KeyRange, size: PieceSize, signal: AbortSignal): Promise<ListResult> {
  const { clock } = runtime.settings;
  const backoff = runtime.newBackoff();
  for (let tries = 1; ; tries++) {
    const began = clock.now();
    try {
      const list = await runtime.read('a part of the load', PAGE_TIMEOUT_MS, signal, (deadline) =>
        runtime.store.list(part.toRange(), { limit: size.keys, signal: deadline.signal }),
      );
      checkList(part, list);
      runtime.reachability.goesOn();
      size.learn(list, clock.now() - began);
      return list;
    } catch (error) {
      const cause = toStoreError(error);
      if (signal.aborted || isStoreClosed(cause) || tries >= MOST_TRIES) throw cause;
      if (isStoreError(cause, 'timeout')) size.halve();
      runtime.noteTrouble(cause);
    }
    await sleep(clock, backoff.next(), signal);
  }
}

async function readByScan(runtime: Runtime, signal: AbortSignal, use: UsePiece): Promise<void> {
  const { range } = runtime.settings;
  await runtime.read('the scan', PAGE_TIMEOUT_MS, signal, async (deadline) => {
    const check = new ScanCheck(range);
    const scan = runtime.store.scan(range.toRange(), { signal: deadline.signal });
    for await (const page of timedPages(scan, deadline)) {
      if (page.more) runtime.reachability.goesOn();
      check.begin(page);
      if ((await use({ page, end: range.end })) === false) return;
    }
    check.end(check.seen);
  });
}

/** How many keys to ask for at a time, by how large and how slow those before were. */
class PieceSize {
  #keys = FIRST_KEYS;

  get keys(): number {
    return this.#keys;
  }

  learn({ items }: ListResult, tookMs: number): void {
    if (items.length === 0) return;
    const bytes = items.reduce((sum, { key, value }) => sum + key.length + value.byteLength, 1);
    const byBytes = (items.length * PIECE_BYTES) / bytes;
    this.#set(tookMs > PIECE_MS ? Math.min(byBytes, this.#keys / 2) : Math.min(byBytes, this.#keys * 4));
  }

  halve(): void {
    this.#set(this.#keys / 2);
  }

  #set(keys: number): void {
    this.#keys = Math.max(1, Math.min(MOST_KEYS, Math.floor(keys)));
  }
}
