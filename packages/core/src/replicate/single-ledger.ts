import type { ConfigStore, KeyValue } from '@holdfast/store';
import { bytesEqual, toStoreError } from '@holdfast/store/adapter';
import { KeyMarks } from './key-marks.js';
import type { Committed, Ledger, LedgerContext, Refusal, TargetKeys, Write } from './ledger.js';
import type { Places } from './places.js';
import { formatRecord, noted, type Progress, type ReplicationRecord } from './record.js';
import { readAll } from './read-all.js';
import { type Known, RecordedTarget } from './recorded-target.js';
import { secondsUntil } from './seconds-until.js';
import { sideBySide } from './side-by-side.js';

type Outcome = 'done' | Omit<Refusal, 'write'>;

/**
 * A ledger in a store whose transactions are of one key, such as etcd v2. The record and the data can't change together there. So each own
 * key has a mark, written before it, and each write is guarded by the key's revision. A restart compares the states of both stores, and
 * repeats nothing.
 */
export class SingleLedger implements Ledger {
  readonly #target: ConfigStore;
  readonly #places: Places;
  readonly #context: LedgerContext;
  readonly #recorded: RecordedTarget;
  readonly #marks: KeyMarks;
  /** How far it is, where that is further than the record says. */
  #reached: Progress | undefined;
  /** A replicator before this one may still be at work, and delete what this one has found. */
  #isTakingOver = false;

  constructor(target: ConfigStore, places: Places, context: LedgerContext) {
    this.#target = target;
    this.#places = places;
    this.#context = context;
    this.#recorded = new RecordedTarget(target, places.record, context);
    this.#marks = new KeyMarks(target, places.marks, this.#recorded, context);
  }

  get record(): ReplicationRecord {
    const { sequence, ...noted } = this.#recorded.known?.record ?? { sequence: 0 };
    return { ...noted, ...this.#reached, ...this.#context.identity, sequence };
  }

  async open(): Promise<ReplicationRecord | undefined> {
    let before: ReplicationRecord | undefined;
    for (;;) {
      const found = await this.#recorded.find();
      if (found !== undefined && this.#recorded.isOwn(found)) {
        this.#recorded.know(found);
        return before;
      }
      before = found?.record;
      this.#isTakingOver = found !== undefined;
      const record = { ...before, ...this.#context.identity, sequence: (before?.sequence ?? 0) + 1 };
      if (await this.#writeRecord(record, found)) return before;
    }
  }

  async read(): Promise<TargetKeys> {
    let items: readonly KeyValue[] = [];
    const own = await this.#marks.read(async () => {
      ({ items } = await this.#recorded.retry(() => readAll(this.#target, this.#places.prefix, this.#call)));
      return items;
    });
    return { items, isOwn: (item) => own.has(item) };
  }

  async peek(): Promise<ReplicationRecord | undefined> {
    return (await this.#recorded.find())?.record;
  }

  async commit(writes: readonly Write[], progress: Progress, migration?: unknown): Promise<Committed> {
    // The record first: a replicator that was taken over finds out before it writes anything. It promises nothing that is not written yet: with the
    // next commit it says how far this one came.
    const reached = { bookmark: undefined, keys: undefined, toward: undefined, ...progress };
    const before = this.record;
    const begun =
      writes.length === 0
        ? reached
        : { bookmark: before.bookmark, keys: before.keys, toward: progress.toward ?? progress.bookmark };
    const record = { ...before, ...begun, ...noted(migration) };
    this.#reached = undefined;
    for (;;) {
      const known = this.#recorded.require();
      if (await this.#writeRecord({ ...record, sequence: known.record.sequence + 1 }, known)) break;
      this.#recorded.know(await this.#recorded.findOwn());
    }
    await this.#marks.clearWorn();
    const done: Write[] = [];
    const refused: Refusal[] = [];
    await sideBySide(writes, async (write) => {
      const outcome = await this.#write(write);
      if (outcome === 'done') done.push(write);
      else refused.push({ write, ...outcome });
    });
    // What another replicator has written since is no conflict.
    if (refused.length > 0) await this.check();
    else {
      this.#reached = reached;
      if (reached.toward === undefined) this.#isTakingOver = false;
    }
    return { done, refused };
  }

  /** Also while a commit is under way: what it finds may be older by then than what is known. */
  async check(): Promise<void> {
    await this.#recorded.findOwn();
  }

  async erase(): Promise<void> {
    if ((await this.#recorded.find()) === undefined) return;
    await this.check();
    const { items } = await this.#recorded.retry(() =>
      this.#target.list({ prefix: this.#places.besideRecord }, { ...this.#call, keysOnly: true }),
    );
    await sideBySide(items, async ({ key }) => {
      await this.#recorded.retry(() => this.#target.delete({ key }, this.#call));
    });
    // Last: until then a restart finds out what is left.
    await this.#recorded.retry(() => this.#target.delete({ key: this.#places.record }, this.#call));
  }

  async #write(write: Write): Promise<Outcome> {
    return write.type === 'put' ? this.#put(write) : this.#delete(write);
  }

  async #put(write: Write & { readonly type: 'put' }): Promise<Outcome> {
    const { key, value, endsAt } = write;
    let { over } = write;
    await this.#marks.write(key, value, over);
    for (;;) {
      try {
        const guard = over === 0 ? ({ ifAbsent: true } as const) : { ifModRevision: over };
        const result = await this.#target.put(key, value, {
          ...guard,
          ...(endsAt === undefined ? {} : { ttl: secondsUntil(endsAt, this.#context.clock) }),
          ...this.#call,
        });
        this.#context.answered();
        if (result.succeeded) {
          this.#wrote(write, result.revision);
          return 'done';
        }
      } catch (error) {
        const failure = toStoreError(error);
        if (failure.code === 'too-large' && failure.outcome === 'not-applied')
          return { current: undefined, error: failure };
        await this.#context.failed(failure);
      }
      // Another replicator may have deleted it since: what came in at the first try would be back.
      await this.check();
      const current = await this.#recorded.retry(() => this.#target.get(key, this.#call));
      if ((current?.modRevision ?? 0) === over) continue;
      // It may be a write of ours whose answer was lost. The mark has promised that value, so it is our own in any case.
      if (current !== undefined && bytesEqual(current.value, value)) {
        this.#wrote(write, current.modRevision);
        return 'done';
      }
      if (!(await this.#isLate(key, current))) return { current };
      over = current?.modRevision ?? 0;
      await this.#marks.write(key, value, over);
    }
  }

  #wrote({ key, endsAt }: Write & { readonly type: 'put' }, revision: number): void {
    this.#marks.wrote(key);
    this.#context.own.set(key, { revision, lease: undefined, isTimed: endsAt !== undefined });
  }

  /** Whether a key is as a replicator before this one has left it, whose write came in late. A late delete leaves no mark. */
  async #isLate(key: string, current: KeyValue | undefined): Promise<boolean> {
    return current === undefined ? this.#isTakingOver : this.#marks.isOfOthers(key, current);
  }

  async #delete(write: Write): Promise<Outcome> {
    const { key } = write;
    let { over } = write;
    for (;;) {
      try {
        const { succeeded } = await this.#target.delete(key, { ifModRevision: over, ...this.#call });
        this.#context.answered();
        if (succeeded) break;
      } catch (error) {
        await this.#context.failed(error);
      }
      await this.check();
      const current = await this.#recorded.retry(() => this.#target.get(key, this.#call));
      if (current === undefined) break;
      if (current.modRevision !== over && !(await this.#isLate(key, current))) return { current };
      over = current.modRevision;
    }
    this.#context.own.delete(key);
    await this.#marks.delete(key);
    return 'done';
  }

  /** Returns whether it was written; false if the record is not the one that was found. */
  async #writeRecord(record: ReplicationRecord, found: Known | undefined): Promise<boolean> {
    for (;;) {
      try {
        const guard = found === undefined ? ({ ifAbsent: true } as const) : { ifModRevision: found.revision };
        const result = await this.#target.put(this.#places.record, formatRecord(record), { ...guard, ...this.#call });
        this.#context.answered();
        if (result.succeeded) this.#recorded.know({ record, revision: result.revision });
        return result.succeeded;
      } catch (error) {
        await this.#context.failed(error);
        const now = await this.#recorded.find();
        if (now?.record.writer === record.writer && now.record.sequence === record.sequence) {
          this.#recorded.know(now);
          return true;
        }
        if (now?.revision !== found?.revision) return false;
      }
    }
  }

  get #call(): { readonly signal: AbortSignal } {
    return { signal: this.#context.signal };
  }
}
