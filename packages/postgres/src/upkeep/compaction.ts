import type { StoreError } from '@holdfast/store';
import { compactedError, futureRevision, withOutcome } from '@holdfast/adapter-kit';
import type { Backend } from '../backend.js';
import { toError } from '../errors.js';
import type { Settings } from '../options.js';
import { beginWrite } from '../schema/begin.js';
import { integer, number } from '../sql/literals.js';
import { metaOf, selectMeta } from '../sql/meta.js';

/** How many versions are deleted in one transaction. */
const RECLAIM_AT_ONCE = 2_000;

/** Forgets history: when it is asked to, and by itself. */
export class Compaction {
  readonly #backend: Backend;
  readonly #history: Settings['history'];
  #reclaiming: Promise<void> | undefined;

  constructor(backend: Backend, history: Settings['history']) {
    this.#backend = backend;
    this.#history = history;
  }

  /** Closes the history before a revision. @param physical whether to wait until its space is free */
  async compact(revision: number, physical: boolean, signal?: AbortSignal): Promise<void> {
    await this.#close(revision, signal);
    const reclaimed = this.#reclaim();
    if (physical) await reclaimed;
    else reclaimed.catch(() => undefined);
  }

  /** How often {@link Compaction.byItself} is due, in milliseconds. */
  get everyMs(): number {
    return Math.min(60_000, Math.max(1_000, (this.#history?.ageMs ?? 0) / 10));
  }

  /** Forgets what the option `history` does not keep. Any process may do it, at any time. */
  async byItself(): Promise<void> {
    if (this.#history === undefined) return;
    const { tables } = this.#backend;
    const { revisions, ageMs } = this.#history;
    const ago = (ms: number) => `clock_timestamp() - ${integer(Math.round(ms))} * interval '1 millisecond'`;
    const { meta, results } = await this.#backend.read([
      `SELECT coalesce(max(revision) FILTER (WHERE noted_at <= ${ago(ageMs)}), 0), coalesce(max(revision), 0), count(*) FILTER (WHERE noted_at > ${ago(this.everyMs / 2)} AND noted_at <= clock_timestamp()) FROM ${tables.marks}`,
      `SELECT reclaimed < compacted FROM ${tables.store}`,
    ]);
    const [marks, unfinished] = results;
    const aged = ageMs === 0 ? meta.head : number(marks?.[0], 0);
    const target = Math.min(aged, meta.head - revisions);
    if (number(marks?.[0], 1) < meta.head && number(marks?.[0], 2) === 0) await this.#mark(meta.head, ageMs);
    if (target > meta.compacted) await this.compact(target, true).catch(ignoreCompacted);
    // Another process may have died over it.
    else if (unfinished?.[0]?.[0] === 't') await this.#reclaim();
  }

  async #mark(head: number, ageMs: number): Promise<void> {
    const { marks } = this.#backend.tables;
    await this.#backend.use((session) =>
      session.run(`${beginWrite()}
DELETE FROM ${marks} WHERE revision < (SELECT max(revision) FROM ${marks} WHERE noted_at <= clock_timestamp() - ${integer(Math.round(ageMs))} * interval '1 millisecond');
INSERT INTO ${marks} (revision, noted_at) VALUES (${integer(head)}, clock_timestamp());
COMMIT`),
    );
  }

  async #close(revision: number, signal: AbortSignal | undefined): Promise<void> {
    const { tables, endpoint } = this.#backend;
    let isCommitting = false;
    await this.#backend.ready(signal);
    for (let checks = 0; ; checks += 1) {
      try {
        const isChecked = await this.#backend.connections.use(
          async (session) => {
            const results = await session.run(
              `${beginWrite()} LOCK TABLE ${tables.writeLock} IN EXCLUSIVE MODE; ${selectMeta(tables)}`,
            );
            const meta = metaOf(results.at(-1)?.[0]);
            if (!meta.isChecked) return false;
            if (revision > meta.head) throw futureRevision(revision, meta.head);
            if (revision <= meta.compacted) throw compactedError(revision, meta.compacted, meta.head);
            isCommitting = true;
            await session.run(`UPDATE ${tables.store} SET compacted = ${integer(revision)}; COMMIT`);
            return true;
          },
          { signal },
        );
        if (isChecked) return;
      } catch (error) {
        throw withOutcome(toError(error, endpoint), isCommitting ? 'unknown' : 'not-applied');
      }
      try {
        await this.#backend.checkAgain(checks, signal);
      } catch (error) {
        throw withOutcome(toError(error, endpoint), 'not-applied');
      }
    }
  }

  #reclaim(): Promise<void> {
    this.#reclaiming ??= this.#reclaimAll().finally(() => (this.#reclaiming = undefined));
    return this.#reclaiming;
  }

  /**
   * Deletes the versions that a later one had replaced at the compacted revision, and the notes that a key was deleted: in parts, without the
   * store's lock, since no writer needs them. The notes of the compacted revision itself stay until the next time, so that the newest revision
   * always has a row.
   */
  async #reclaimAll(): Promise<void> {
    const { store, versions } = this.#backend.tables;
    for (;;) {
      const [, , , , , rows] = await this.#backend.use((session) =>
        session.run(`BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 60000; SET LOCAL idle_in_transaction_session_timeout = 10000; SET LOCAL synchronous_commit = off;
SELECT s.reclaimed, s.compacted, coalesce((SELECT v.revision FROM ${versions} v WHERE v.revision > s.reclaimed ORDER BY v.revision OFFSET ${RECLAIM_AT_ONCE} LIMIT 1), s.compacted) FROM ${store} s; COMMIT`),
      );
      const [from, compacted, next] = [0, 1, 2].map((column) => number(rows?.[0], column)) as [number, number, number];
      if (from >= compacted) return;
      const to = Math.min(next, compacted);
      await this.#backend.use((session) =>
        session.run(`${beginWrite()}
DELETE FROM ${versions} v USING ${versions} n WHERE n.revision > ${integer(from)} AND n.revision <= ${integer(to)} AND v.key = n.key AND v.revision = n.previous_revision;
DELETE FROM ${versions} WHERE version = 0 AND revision >= ${integer(from)} AND revision < ${integer(to)};
UPDATE ${store} SET reclaimed = greatest(reclaimed, ${integer(to)});
COMMIT`),
      );
    }
  }
}

function ignoreCompacted(error: StoreError): void {
  // Another process was quicker.
  if (error.code !== 'compacted') throw error;
}
