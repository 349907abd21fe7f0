import { createHash } from 'node:crypto';
import type { ConfigStore } from '@holdfast/store';
import { decodeUtf8, toStoreError } from '@holdfast/store/adapter';
import type { Committed, Ledger, LedgerContext, Refusal, TargetKeys, Write } from './ledger.js';
import type { Places } from './places.js';
import { formatRecord, noted, type Progress, type ReplicationRecord } from './record.js';
import { readAll } from './read-all.js';
import { type Known, RecordedTarget } from './recorded-target.js';

/** How many calls are under way at once. */
const AT_ONCE = 16;

type Outcome = 'done' | Omit<Refusal, 'write'>;

/** What is meant to be under an own key. Written before the key itself, so that a crash between the two leaves no doubt. */
interface Intent {
  /** The digest of the value. */
  readonly sum: string;
  /** The revision of the key that the value replaces; 0 for none. */
  readonly over: number;
}

/**
 * A ledger in a store whose transactions are of one key, such as etcd v2. The record and the data can't change together there. So each own
 * key has a *mark*, written before it, that says which value is to follow, and each write is guarded by the key's revision. A restart
 * compares the states of both stores, and repeats nothing.
 */
export class SingleLedger implements Ledger {
  readonly #target: ConfigStore;
  readonly #places: Places;
  readonly #context: LedgerContext;
  readonly #recorded: RecordedTarget;
  /** How far it is, where that is further than the record says. */
  #reached: Progress | undefined;
  /** The revision of each own key's mark. */
  readonly #marks = new Map<string, number>();
  /** Marks without their keys, of deletes that were cut short. */
  readonly #worn = new Set<string>();

  constructor(target: ConfigStore, places: Places, context: LedgerContext) {
    this.#target = target;
    this.#places = places;
    this.#context = context;
    this.#recorded = new RecordedTarget(target, places.record, context);
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
      const record = { ...before, ...this.#context.identity, sequence: (before?.sequence ?? 0) + 1 };
      if (await this.#writeRecord(record, found)) return before;
    }
  }

  async read(): Promise<TargetKeys> {
    const [{ items }, marks] = await this.#recorded.retry(() =>
      Promise.all([
        readAll(this.#target, this.#places.prefix, this.#call),
        readAll(this.#target, this.#places.marks, this.#call),
      ]),
    );
    this.#marks.clear();
    const intents = new Map<string, Intent>();
    for (const { key, value, modRevision } of marks.items) {
      const name = decoded(key.slice(this.#places.marks.length));
      const intent = toIntent(value);
      if (name === undefined || intent === undefined) continue;
      this.#marks.set(name, modRevision);
      intents.set(name, intent);
    }
    this.#worn.clear();
    const there = new Set(items.map(({ key }) => key));
    for (const name of intents.keys()) if (!there.has(name)) this.#worn.add(name);
    return {
      items,
      isOwn: ({ key, value, modRevision }) => {
        const intent = intents.get(key);
        return intent !== undefined && (intent.over === modRevision || intent.sum === sumOf(value));
      },
    };
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
    await this.#clearWorn();
    const done: Write[] = [];
    const refused: Refusal[] = [];
    await sideBySide(writes, async (write) => {
      const outcome = await this.#write(write);
      if (outcome === 'done') done.push(write);
      else refused.push({ write, ...outcome });
    });
    // What another replicator has written since is no conflict.
    if (refused.length > 0) await this.check();
    else this.#reached = reached;
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

  async #clearWorn(): Promise<void> {
    await sideBySide([...this.#worn], async (key) => {
      await this.#unmark(key);
      this.#worn.delete(key);
    });
  }

  async #write(write: Write): Promise<Outcome> {
    return write.type === 'put' ? this.#put(write) : this.#delete(write);
  }

  async #put(write: Write & { readonly type: 'put' }): Promise<Outcome> {
    const { key, value, over, endsAt } = write;
    await this.#mark(key, { sum: sumOf(value), over });
    for (;;) {
      try {
        const guard = over === 0 ? ({ ifAbsent: true } as const) : { ifModRevision: over };
        const result = await this.#target.put(key, value, {
          ...guard,
          ...(endsAt === undefined ? {} : { ttl: this.#secondsUntil(endsAt) }),
          ...this.#call,
        });
        this.#context.answered();
        if (result.succeeded) {
          this.#context.own.set(key, { revision: result.revision, lease: undefined, isTimed: endsAt !== undefined });
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
      if (current === undefined || sumOf(current.value) !== sumOf(value)) return { current };
      this.#context.own.set(key, { revision: current.modRevision, lease: undefined, isTimed: endsAt !== undefined });
      return 'done';
    }
  }

  #secondsUntil(endsAt: number): number {
    return Math.max(1, Math.round((endsAt - this.#context.clock.now()) / 1_000));
  }

  async #delete({ key, over }: Write): Promise<Outcome> {
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
      if (current.modRevision !== over) return { current };
    }
    this.#context.own.delete(key);
    await this.#unmark(key);
    return 'done';
  }

  /** Only that mark: a deletion that lands late must not take a newer one. */
  async #unmark(key: string): Promise<void> {
    const known = this.#marks.get(key);
    this.#marks.delete(key);
    if (known === undefined) return;
    await this.#recorded.retry(() => this.#target.delete(this.#markOf(key), { ifModRevision: known, ...this.#call }));
  }

  async #mark(key: string, intent: Intent): Promise<void> {
    const name = this.#markOf(key);
    const text = JSON.stringify(intent);
    for (;;) {
      const known = this.#marks.get(key);
      try {
        const guard = known === undefined ? ({ ifAbsent: true } as const) : { ifModRevision: known };
        const result = await this.#target.put(name, text, { ...guard, ...this.#call });
        this.#context.answered();
        if (result.succeeded) {
          this.#marks.set(key, result.revision);
          return;
        }
      } catch (error) {
        await this.#context.failed(error);
      }
      // Another replicator's, or an own one whose answer was lost.
      await this.check();
      const found = await this.#recorded.retry(() => this.#target.get(name, this.#call));
      if (found === undefined) {
        this.#marks.delete(key);
        continue;
      }
      this.#marks.set(key, found.modRevision);
      if (decodeUtf8(found.value) === text) return;
    }
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

  #markOf(key: string): string {
    return this.#places.marks + encodeURIComponent(key).replace(/^_/, '%5F');
  }

  get #call(): { readonly signal: AbortSignal } {
    return { signal: this.#context.signal };
  }
}

/** Does the same with each of many. The first failure counts at once: it ends the replication, and that ends the others, which may be retrying. */
async function sideBySide<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += AT_ONCE) await Promise.all(all.slice(from, from + AT_ONCE).map(work));
}

function sumOf(value: Uint8Array): string {
  return createHash('sha256').update(value).digest('base64');
}

function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}

function toIntent(value: Uint8Array): Intent | undefined {
  try {
    const { sum, over } = JSON.parse(decodeUtf8(value) ?? '') as Partial<Intent>;
    return typeof sum === 'string' && Number.isSafeInteger(over) ? { sum, over: over as number } : undefined;
  } catch {
    return undefined;
  }
}
