import { bytesEqual, toStoreError } from '@holdfast/store/adapter';
import type { Conflict } from './conflict.js';
import { HeldLeases } from './held-leases.js';
import { isMortal, type Lifetime } from './lease-tap.js';
import type { Refusal, Write } from './ledger.js';
import { type Progress, progressOf } from './record.js';
import type { ReplicationContext } from './replication-context.js';
import type { Wanted } from './wanted.js';
import { writeParts } from './write-parts.js';

/** Writes in the target, in as few transactions as it takes, and settles what is in the way of them. */
export class TargetWriter {
  readonly #context: ReplicationContext;

  constructor(context: ReplicationContext) {
    this.#context = context;
  }

  /** What the record says that is complete. */
  get lastProgress(): Progress {
    const { bookmark, keys } = this.#context.ledger.record;
    return { bookmark, keys };
  }

  /** What the source has by now for a key of the target. */
  wantedAt(targetKey: string): Wanted | undefined {
    const { keys, mirror } = this.#context;
    const source = keys.sourceOf(targetKey);
    const entry = source === undefined ? undefined : mirror.opened?.get(source);
    return source === undefined || entry === undefined ? undefined : { source, entry };
  }

  async putOf(key: string, { source, entry }: Wanted): Promise<Write> {
    const lease = await this.leaseFor(key, source, undefined);
    return { type: 'put', key, over: this.#context.own.get(key)?.revision ?? 0, value: entry.value, lease };
  }

  /** @param before the lease that the own key has there already */
  async leaseFor(targetKey: string, source: string, before: string | undefined): Promise<string | undefined> {
    const { keys, tap, leases, supervision } = this.#context;
    const key = keys.source(source);
    const lifetime: Lifetime | undefined = tap.lifetimeOf(key);
    leases.place(targetKey, lifetime === undefined ? undefined : HeldLeases.nameOf(lifetime, key));
    if (lifetime === undefined || !leases.isPossible) return undefined;
    return supervision.retry('target', async () => {
      if (before !== undefined) await leases.adopt(lifetime, key, before);
      return leases.ensure(lifetime, key);
    });
  }

  /** Writes what belongs to no step: the progress stays as it is. */
  async commitBeside(writes: readonly Write[]): Promise<void> {
    for (const part of writeParts(writes)) await this.commit(part, progressOf(this.#context.ledger.record));
  }

  /** Writes until each write is done or is a conflict that was told. */
  async commit(given: readonly Write[], progress: Progress): Promise<void> {
    const { ledger, conflicts } = this.#context;
    let writes = given;
    for (;;) {
      let refused: readonly Refusal[];
      let done: readonly Write[];
      try {
        ({ done, refused } = await ledger.commit(writes, progress));
      } catch (error) {
        const failure = toStoreError(error);
        if (failure.code === 'lease-not-found') writes = await this.#withLeases(writes);
        else if (failure.code !== 'too-large') throw failure;
        else if (writes.length < 2) {
          for (const write of writes)
            conflicts.tell([conflicts.refused(write.key, this.wantedAt(write.key), failure.message)]);
          return;
        } else {
          const half = Math.ceil(writes.length / 2);
          const toward = progress.toward ?? progress.bookmark;
          await this.commit(writes.slice(0, half), { ...this.lastProgress, toward });
          writes = writes.slice(half);
        }
        continue;
      }
      if (done.length === writes.length) return;
      const finished = new Set(done);
      const resolved = new Map(refused.map((refusal) => [refusal.write, this.#resolve(refusal)]));
      conflicts.tell([...resolved.values()].flatMap(({ conflict }) => conflict ?? []));
      writes = writes.flatMap((write) => {
        if (finished.has(write)) return [];
        const resolution = resolved.get(write);
        return resolution === undefined ? [write] : (resolution.write ?? []);
      });
      if (writes.length === 0) return;
    }
  }

  /** The writes under leases that are there. */
  async #withLeases(writes: readonly Write[]): Promise<readonly Write[]> {
    const { keys, leases, supervision } = this.#context;
    await supervision.retry('target', () => leases.forgetLost());
    const renewed: Write[] = [];
    for (const write of writes) {
      const source = keys.sourceOf(write.key);
      const lease =
        write.type === 'put' && source !== undefined ? await this.leaseFor(write.key, source, undefined) : undefined;
      renewed.push(write.type === 'put' ? { ...write, lease } : write);
    }
    return renewed;
  }

  /** What to do about a key that is not as it was left. */
  #resolve({ write, current, error }: Refusal): { readonly write?: Write; readonly conflict?: Conflict } {
    const { own: owned, conflicts } = this.#context;
    const { key } = write;
    const want = this.wantedAt(key);
    if (error !== undefined) return { conflict: conflicts.refused(key, want, error.message) };
    const own = owned.get(key);
    owned.delete(key);
    if (current === undefined) {
      if (write.type === 'delete') return {};
      // Its lease ran out, as when the replication was suspended for long.
      if (own?.lease !== undefined || own?.isTimed === true) return { write: { ...write, over: 0 } };
    } else if (write.type === 'put' && bytesEqual(current.value, write.value) && !isMortal(current)) {
      return { write: { ...write, over: current.modRevision } };
    }
    const reason = current === undefined ? 'deleted' : own === undefined ? 'exists' : 'changed';
    const conflict = conflicts.of(reason, key, want, current);
    if (conflict.resolution === 'left') return { conflict };
    return { conflict, write: { ...write, over: current?.modRevision ?? 0 } };
  }
}
