import { type Compare, type ConfigStore, type Op, StoreError } from '@holdfast/store';
import { toStoreError } from '@holdfast/store/adapter';
import type { Committed, Ledger, LedgerContext, Refusal, TargetKeys, Write } from './ledger.js';
import type { Places } from './places.js';
import { formatRecord, noted, type Progress, progressOf, type ReplicationRecord } from './record.js';
import { readAll } from './read-all.js';
import { type Known, RecordedTarget } from './recorded-target.js';

/** The most operations of a transaction that etcd takes by default. */
const TXN_OPERATIONS = 128;
/** How many receipts a transaction clears away beside its own work. */
const CLEARED_AT_ONCE = 32;
/** How many keys one read looks at. */
const LOOKED_AT = 64;

/**
 * A ledger in a store with transactions over many keys. Each transaction compares the record with the one that it continues from, and
 * every key with what it is to replace. So it happens as a whole and once, and not at all after another replicator has gone on.
 *
 * Own keys are told by their revisions: a revision of the target is own if the record was written at it, or if it has a *receipt*, a key
 * that names it. Each transaction files the receipt of the transaction before it, and clears away receipts of revisions that no key has any
 * more. So the cost of a transaction grows with its changes, and not with the number of own keys.
 */
export class TxnLedger implements Ledger {
  readonly #target: ConfigStore;
  readonly #places: Places;
  readonly #context: LedgerContext;
  readonly #recorded: RecordedTarget;
  #sequence = 0;
  /** An own revision that has no receipt yet: the record's, by which it is own until the next transaction. */
  #unfiled: number | undefined;
  /** The revisions that have receipts. */
  readonly #receipts = new Set<number>();
  /** Receipts that may be of no use any more. */
  readonly #worn = new Set<number>();

  constructor(target: ConfigStore, places: Places, context: LedgerContext) {
    this.#target = target;
    this.#places = places;
    this.#context = context;
    this.#recorded = new RecordedTarget(target, places.record, context);
  }

  get record(): ReplicationRecord {
    const { sequence, ...noted } = this.#recorded.known?.record ?? { sequence: 0 };
    return { ...noted, ...this.#context.identity, sequence };
  }

  async open(): Promise<ReplicationRecord | undefined> {
    let before: ReplicationRecord | undefined;
    for (;;) {
      const found = await this.#recorded.find();
      if (found !== undefined && this.#recorded.isOwn(found)) {
        this.#know(found);
        return before;
      }
      before = found?.record;
      this.#sequence = Math.max(this.#sequence, before?.sequence ?? 0) + 1;
      const record = { ...before, ...this.#context.identity, sequence: this.#sequence };
      const then: Op[] = [this.#putRecord(record)];
      // The record's own revision has none: the record itself has told it until now.
      if (found !== undefined) then.push(this.#putReceipt(found.revision));
      try {
        const { succeeded, revision } = await this.#target.txn({ if: [this.#continues(found)], then }, this.#call);
        this.#context.answered();
        if (!succeeded) continue;
        this.#know({ record, revision });
        return before;
      } catch (error) {
        await this.#context.failed(error);
      }
    }
  }

  async read(): Promise<TargetKeys> {
    const [{ items }, receipts] = await this.#recorded.retry(() =>
      Promise.all([
        readAll(this.#target, this.#places.prefix, this.#call),
        readAll(this.#target, this.#places.receipts, { ...this.#call, keysOnly: true }),
      ]),
    );
    this.#receipts.clear();
    this.#worn.clear();
    for (const { key } of receipts.items) {
      const revision = Number(key.slice(this.#places.receipts.length));
      if (!Number.isSafeInteger(revision)) continue;
      this.#receipts.add(revision);
      this.#worn.add(revision);
    }
    return {
      items,
      isOwn: ({ modRevision }) => this.#receipts.has(modRevision) || this.#unfiled === modRevision,
    };
  }

  async peek(): Promise<ReplicationRecord | undefined> {
    const found = await this.#recorded.find();
    this.#unfiled = found?.revision;
    return found?.record;
  }

  async commit(writes: readonly Write[], progress: Progress, migration?: unknown): Promise<Committed> {
    for (;;) {
      const known = this.#recorded.require();
      const filed = this.#toFile(writes);
      let room = this.#most - writes.length - 1;
      if (filed !== undefined) room -= 1;
      if (room < 0 && filed !== undefined) {
        // A transaction as large as the target takes: the receipt goes ahead.
        await this.commit([], progressOf(this.record));
        continue;
      }
      this.#sequence += 1;
      const record = { ...this.record, ...NO_PROGRESS, ...progress, ...noted(migration), sequence: this.#sequence };
      const cleared = this.#toClear(writes, Math.min(CLEARED_AT_ONCE, room));
      const then: Op[] = [...writes.map(toOp), this.#putRecord(record)];
      if (filed !== undefined) then.push(this.#putReceipt(filed));
      for (const revision of cleared) then.push({ type: 'delete', range: { key: this.#receiptOf(revision) } });
      const compares = [this.#continues(known), ...writes.map(({ key, over }) => hasRevision(key, over))];
      let revision: number | undefined;
      try {
        const result = await this.#target.txn({ if: compares, then }, this.#call);
        this.#context.answered();
        if (!result.succeeded) {
          const found = await this.#recorded.findOwn();
          if (found.revision !== known.revision) this.#know(found);
          return { done: [], refused: await this.#mismatches(writes) };
        }
        ({ revision } = result);
      } catch (error) {
        const failure = toStoreError(error);
        if (isNotApplied(failure)) throw failure;
        if (failure.outcome !== 'not-applied') revision = await this.#decide(this.#sequence, failure);
        else await this.#context.failed(failure);
        if (revision === undefined) {
          if (failure.code === 'too-large') throw failure;
          continue;
        }
      }
      if (filed !== undefined) this.#receipts.add(filed);
      for (const each of cleared) {
        this.#receipts.delete(each);
        this.#worn.delete(each);
      }
      this.#apply(writes, revision);
      this.#know({ record, revision });
      return { done: writes, refused: [] };
    }
  }

  /** Also while a transaction is under way: it goes by the writer, and not by the revision. */
  async check(): Promise<void> {
    await this.#recorded.findOwn();
  }

  async erase(): Promise<void> {
    for (;;) {
      const found = await this.#recorded.find();
      if (found === undefined) return;
      if (!this.#recorded.isOwn(found)) throw this.#recorded.lost(found);
      const then: Op[] = [
        { type: 'delete', range: { key: this.#places.record } },
        { type: 'delete', range: { prefix: this.#places.besideRecord } },
      ];
      await this.#recorded.retry(() => this.#target.txn({ if: [this.#continues(found)], then }, this.#call));
    }
  }

  /**
   * Whether a transaction whose answer was lost has happened: the revision of it. Where it has not, the record is written anew first, so that
   * it can't happen later on.
   */
  async #decide(sequence: number, failure: StoreError): Promise<number | undefined> {
    let trouble: unknown = failure;
    for (;;) {
      await this.#context.failed(trouble);
      const found = await this.#recorded.findOwn();
      if (found.record.sequence === sequence) return found.revision;
      this.#sequence += 1;
      const record = { ...found.record, sequence: this.#sequence };
      const then: Op[] = [this.#putRecord(record)];
      const filed = this.#toFile([]);
      if (filed !== undefined) then.push(this.#putReceipt(filed));
      try {
        const { succeeded, revision } = await this.#target.txn({ if: [this.#continues(found)], then }, this.#call);
        this.#context.answered();
        trouble = new StoreError('unavailable', 'the record changed meanwhile');
        if (!succeeded) continue;
        if (filed !== undefined) this.#receipts.add(filed);
        this.#know({ record, revision });
        this.#unfiled = undefined;
        return undefined;
      } catch (error) {
        trouble = error;
      }
    }
  }

  #apply(writes: readonly Write[], revision: number): void {
    const { own } = this.#context;
    for (const write of writes) {
      const before = own.get(write.key)?.revision;
      if (write.type === 'put') own.set(write.key, { revision, lease: write.lease });
      else own.delete(write.key);
      if (before !== undefined && own.countAt(before) === 0) this.#worn.add(before);
    }
  }

  /** The own revision that needs a receipt, unless these writes replace everything that was written at it. */
  #toFile(writes: readonly Write[]): number | undefined {
    const revision = this.#unfiled;
    if (revision === undefined) return undefined;
    const { own } = this.#context;
    const replaced = writes.filter(({ key }) => own.get(key)?.revision === revision).length;
    return own.countAt(revision) > replaced ? revision : undefined;
  }

  #toClear(writes: readonly Write[], most: number): readonly number[] {
    const { own } = this.#context;
    const revisions: number[] = [];
    for (const revision of this.#worn) {
      if (revisions.length >= most) break;
      if (this.#receipts.has(revision) && own.countAt(revision) === 0) revisions.push(revision);
      else this.#worn.delete(revision);
    }
    // Also those that this transaction itself wears out.
    for (const { key } of writes) {
      if (revisions.length >= most) break;
      const revision = own.get(key)?.revision;
      if (revision === undefined || own.countAt(revision) > 1 || !this.#receipts.has(revision)) continue;
      if (!revisions.includes(revision)) revisions.push(revision);
    }
    return revisions;
  }

  async #mismatches(writes: readonly Write[]): Promise<readonly Refusal[]> {
    const refused: Refusal[] = [];
    for (let from = 0; from < writes.length; from += LOOKED_AT) {
      const some = writes.slice(from, from + LOOKED_AT);
      const then = some.map(({ key }): Op => ({ type: 'get', key }));
      const { results } = await this.#recorded.retry(() => this.#target.txn({ then }, this.#call));
      for (const [index, write] of some.entries()) {
        const result = results[index];
        const current = result?.type === 'get' ? result.item : undefined;
        if ((current?.modRevision ?? 0) !== write.over) refused.push({ write, current });
      }
    }
    return refused;
  }

  #know(known: Known): void {
    this.#recorded.know(known);
    this.#unfiled = known.revision;
  }

  #continues(known: Known | undefined): Compare {
    return hasRevision(this.#places.record, known?.revision ?? 0);
  }

  #putRecord(record: ReplicationRecord): Op {
    return { type: 'put', key: this.#places.record, value: formatRecord(record) };
  }

  #putReceipt(revision: number): Op {
    return { type: 'put', key: this.#receiptOf(revision), value: '' };
  }

  #receiptOf(revision: number): string {
    return this.#places.receipts + String(revision).padStart(16, '0');
  }

  get #most(): number {
    return this.#target.capabilities.maxTxnOperations ?? TXN_OPERATIONS;
  }

  get #call(): { readonly signal: AbortSignal } {
    return { signal: this.#context.signal };
  }
}

const NO_PROGRESS: Progress = { bookmark: undefined, keys: undefined, toward: undefined };

/** What the replicator itself has to do something about: a smaller transaction, another lease. */
function isNotApplied({ code, outcome }: StoreError): boolean {
  return outcome === 'not-applied' && (code === 'too-large' || code === 'lease-not-found');
}

function hasRevision(key: string, revision: number): Compare {
  return { key, target: 'modRevision', op: '=', value: revision };
}

function toOp(write: Write): Op {
  if (write.type === 'delete') return { type: 'delete', range: { key: write.key } };
  const { key, value, lease } = write;
  return lease === undefined ? { type: 'put', key, value } : { type: 'put', key, value, lease };
}
