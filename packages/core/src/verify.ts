import { type Bookmark, sleep, type WatchBatch } from '@holdfast/store';
import { isHistoryLost, toStoreError } from './errors.js';
import { FINGERPRINT_READ, matchesFingerprint } from './fingerprint.js';
import type { FollowContext } from './follow-context.js';
import { load } from './load.js';

/**
 * Whether the store's history, read back at the table's revision, is the one that the table reflects (M8): the same number of
 * keys, and the same newest entry. Cluster ids alone don't tell: they survive a restore (trap 17). To be awaited while the table
 * can't change, or again if it did; `undefined` then.
 */
export async function isSameHistory({ core, signal }: FollowContext): Promise<boolean | undefined> {
  const fingerprint = core.table.fingerprint();
  const read = await core.read('the check of the history', core.readTimeoutMs, signal, (deadline) =>
    core.store.list(core.settings.range.toRange(), {
      ...FINGERPRINT_READ,
      revision: fingerprint.revision,
      signal: deadline.signal,
    }),
  );
  if (core.table.revision !== fingerprint.revision) return undefined;
  return read.bookmark.identity === core.table.bookmark?.identity && matchesFingerprint(core.table, fingerprint, read);
}

/**
 * Holds back what comes through a newly established watch until the history is proved to be the same: the connection was lost
 * before it, noticed or not, and there may be another server's data behind it.
 */
export class Verifier {
  readonly #follow: FollowContext;
  // Without historical reads there is nothing to compare with but everything, and that was done right before.
  #mayTrustRead: boolean;
  #pending: Bookmark | undefined;
  #task: Promise<void> | undefined;

  constructor(follow: FollowContext) {
    this.#follow = follow;
    this.#mayTrustRead = !follow.core.store.capabilities.historicalReads;
  }

  get isVerified(): boolean {
    return this.#pending === undefined;
  }

  /** The watch follows from `after`: what it delivers past that comes from the new establishment. */
  established(after: Bookmark): void {
    if (this.#mayTrustRead) {
      this.#mayTrustRead = false;
      return;
    }
    this.#pending = after;
    this.applied();
  }

  /** The watch has ended: what it still held will not come, so the table is compared as it is. */
  lost(): void {
    if (this.#pending === undefined) return;
    this.#pending = this.#follow.core.table.bookmark;
    this.applied();
  }

  /** To be called after each step: what was delivered before the loss must be in before the table is compared. */
  applied(): void {
    if (this.#pending !== undefined && this.#follow.core.table.revision >= this.#pending.revision) this.#start();
  }

  /** Resolves when the batch may be taken in. */
  async admit(batch: WatchBatch): Promise<void> {
    // Looked at anew each time: a batch that came before the latest loss must get in, for the table to be compared after it.
    while (this.#pending !== undefined && batch.bookmark.revision > this.#pending.revision) {
      this.#follow.signal.throwIfAborted();
      this.#start();
      await this.#task;
    }
  }

  /** Resolves when nothing is held back any more; rejects when the following ends. */
  async verified(): Promise<void> {
    while (this.#pending !== undefined) {
      this.#follow.signal.throwIfAborted();
      this.applied();
      if (this.#task !== undefined) await this.#task;
      else await this.#follow.core.reaches(this.#pending.revision, RECHECK_MS, this.#follow.signal);
    }
  }

  #start(): void {
    this.#task ??= this.#run().finally(() => {
      this.#task = undefined;
    });
  }

  async #run(): Promise<void> {
    const { core, signal } = this.#follow;
    const backoff = core.newBackoff();
    while (this.#pending !== undefined && !signal.aborted) {
      const pending = this.#pending;
      try {
        const same = core.store.capabilities.historicalReads
          ? await isSameHistory(this.#follow)
          : await this.#readAll();
        if (same === false) {
          this.#follow.end({ reason: 'history-changed', newHistory: true });
          return;
        }
        // Another loss in the meantime asks for another look.
        if (same === true && this.#pending === pending) this.#pending = undefined;
      } catch (error) {
        if (signal.aborted) return;
        const cause = toStoreError(error);
        if (isHistoryLost(cause)) {
          const newHistory = cause.code === 'history-changed';
          this.#follow.end({ reason: newHistory ? 'history-changed' : 'compacted', newHistory, cause });
          return;
        }
        core.noteTrouble(cause);
        await sleep(core.settings.clock, backoff.next(), signal).catch(() => undefined);
      }
    }
    // The sooner it is known whether anything was missed, the sooner the state says so.
    core.wanted.set(core.evidence.begin().ticket);
  }

  /** Where the past can't be read: everything there is now, as a diff. What the watch brings up to it is then dropped. */
  async #readAll(): Promise<true> {
    const { core, signal } = this.#follow;
    const from = core.table.bookmark;
    const { changed } = await load(core, { cause: 'resync', newHistory: false, signal });
    core.publishResync('unverified', from, changed);
    return true;
  }
}

const RECHECK_MS = 1_000;
