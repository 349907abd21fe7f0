import type { Bookmark, KeyValue } from '@holdfast/store';
import { compareStates } from './compare-states.js';
import { inPool } from './in-pool.js';
import type { TargetKeys } from './ledger.js';
import type { Progress } from './record.js';
import type { ReplicationContext } from './replication-context.js';
import { checkGoesOn, otherHistory } from './source-history.js';
import type { TargetWriter } from './target-writer.js';
import type { Wanted } from './wanted.js';
import { writeParts } from './write-parts.js';

export interface ComparisonOptions {
  readonly context: ReplicationContext;
  readonly writer: TargetWriter;
  /** Which keys of the target count as own, beside those that the record tells. */
  readonly assumeOwn: (item: KeyValue) => boolean;
  /** Called in the turn in which the source's state is taken: newer steps come after it. */
  onBegin(): void;
}

/** Makes the target equal to the source. */
export class Comparison {
  readonly #options: ComparisonOptions;

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  /**
   * Makes the target equal to the source as it is now. Gives up to where that is.
   *
   * @param complete up to where the target was complete before, in the same history; a contradiction to that is `history-changed`
   */
  async run(complete: Bookmark | undefined): Promise<Bookmark> {
    const { context, writer } = this.#options;
    const { settings, mirror, ledger, own, leases: held, conflicts: book, supervision } = context;
    const { acceptHistory, prefix } = settings;
    const mirrored = mirror.require();
    supervision.starting();
    const { bookmark } = mirrored;
    // The mirror may have gone on since the history was checked.
    if (complete !== undefined && !acceptHistory) checkGoesOn(bookmark, complete, prefix);
    const keys = mirror.count;
    const wanted = this.#takeSource([...mirrored]);
    const there = await ledger.read();
    // What another replicator has written meanwhile is no conflict.
    await ledger.check();
    const leases = await this.#leasesFor(wanted, there);
    const { writes, conflicts } = await compareStates({
      there,
      wanted,
      leases,
      own,
      book,
      isOwn: (item) => this.#isOwn(there, item),
      onContradiction: ({ entry }) => {
        if (complete === undefined || entry.modRevision > complete.revision || acceptHistory) return;
        throw otherHistory(complete, bookmark, prefix);
      },
      onLeft: (key) => {
        held.place(key, undefined);
      },
    });
    book.tell(conflicts);
    let done = 0;
    const partial: Progress = { ...(complete === undefined ? {} : writer.lastProgress), toward: bookmark };
    for (const part of writeParts(writes)) {
      supervision.copying(done, writes.length);
      await writer.commit(part, partial);
      done += part.length;
    }
    await writer.commit([], { bookmark, keys });
    return bookmark;
  }

  /** In one turn: from here on, the queue has what is newer. */
  #takeSource(entries: readonly [string, Wanted['entry']][]): ReadonlyMap<string, Wanted> {
    const { keys, own, conflicts } = this.#options.context;
    this.#options.onBegin();
    keys.clear();
    own.clear();
    conflicts.clear();
    const wanted = new Map<string, Wanted>();
    for (const [source, entry] of entries) {
      const target = keys.target(source);
      if (target === undefined) continue;
      keys.take(target, source);
      wanted.set(target, { source, entry });
    }
    return wanted;
  }

  /** The target's leases of all wanted keys: those that own keys are under already, and new ones. */
  async #leasesFor(wanted: ReadonlyMap<string, Wanted>, there: TargetKeys): Promise<ReadonlyMap<string, string>> {
    const { writer } = this.#options;
    const leases = new Map<string, string>();
    const before = new Map<string, string>();
    for (const item of there.items)
      if (item.lease !== undefined && this.#isOwn(there, item)) before.set(item.key, item.lease);
    await inPool([...wanted], async ([key, { source }]) => {
      const lease = await writer.leaseFor(key, source, before.get(key));
      if (lease !== undefined) leases.set(key, lease);
    });
    return leases;
  }

  #isOwn(there: TargetKeys, item: KeyValue): boolean {
    return there.isOwn(item) || this.#options.assumeOwn(item);
  }
}
