import type { Change } from '../events/change.js';
import type { Conflict } from './conflict.js';
import type { Write } from './ledger.js';
import type { ReplicationContext } from './replication-context.js';
import type { Step } from './step-queue.js';
import type { TargetWriter } from './target-writer.js';

/** Carries single steps of the source over. */
export class StepWriter {
  readonly #context: ReplicationContext;
  readonly #writer: TargetWriter;

  constructor(context: ReplicationContext, writer: TargetWriter) {
    this.#context = context;
    this.#writer = writer;
  }

  /** The source's keys that somebody has written. A lease that ends deletes its keys, which nobody has written. */
  writtenKeys({ changes }: Step): readonly string[] {
    const { keys } = this.#context;
    return changes.filter((change) => !this.#isExpiry(change)).map(({ key }) => keys.source(key));
  }

  #isExpiry({ type, key }: Change<Uint8Array>): boolean {
    const { keys, leases } = this.#context;
    const target = type === 'delete' ? keys.target(key) : undefined;
    return target !== undefined && leases.isPlaced(target);
  }

  async write({ bookmark, changes, keys: count }: Step): Promise<void> {
    const { leases } = this.#context;
    const writes = this.#deletesOf(changes);
    await this.#addPuts(writes, changes);
    if (writes.size > 0) await this.#writer.commit([...writes.values()], { bookmark, keys: count });
    for (const { type, key } of writes.values()) if (type === 'delete') leases.place(key, undefined);
  }

  /** Deletes first: a key may give its name in the target to another one in the same transaction. */
  #deletesOf(changes: readonly Change<Uint8Array>[]): Map<string, Write> {
    const { keys, own: owned, conflicts } = this.#context;
    const writes = new Map<string, Write>();
    for (const change of changes) {
      if (change.type !== 'delete') continue;
      const key = keys.target(change.key);
      if (key === undefined || keys.sourceOf(key) !== change.key) continue;
      keys.leave(key, change.key);
      conflicts.forget(key);
      const own = owned.get(key);
      if (own !== undefined) writes.set(key, { type: 'delete', key, over: own.revision });
    }
    return writes;
  }

  async #addPuts(writes: Map<string, Write>, changes: readonly Change<Uint8Array>[]): Promise<void> {
    const { keys, conflicts } = this.#context;
    const found: Conflict[] = [];
    for (const change of changes) {
      if (change.type !== 'put') continue;
      const key = keys.target(change.key);
      if (key === undefined) continue;
      keys.take(key, change.key);
      conflicts.forget(key);
      const want = { source: change.key, entry: change.current };
      const unfit = conflicts.unfit(key, want, undefined);
      if (unfit === undefined) writes.set(key, await this.#writer.putOf(key, want));
      else found.push(unfit);
    }
    conflicts.tell(found);
  }
}
