import { createHash } from 'node:crypto';
import type { ConfigStore, KeyValue } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import type { LedgerContext } from './ledger.js';
import { readAll } from './read-all.js';
import type { RecordedTarget } from './recorded-target.js';
import { sideBySide } from './side-by-side.js';

/** What is meant to be under an own key. */
interface Intent {
  /** The digest of the value. */
  readonly sum: string;
  /** The revision of the key that the value replaces; 0 for none. */
  readonly over: number;
}

/**
 * The *marks* of own keys, where the record and the data can't change together: each is written before its key and says which value is to
 * follow, so that a crash between the two leaves no doubt. They also tell what a replicator before this one was writing when this one took
 * over, which may come in late.
 */
export class KeyMarks {
  readonly #target: ConfigStore;
  readonly #prefix: string;
  readonly #recorded: RecordedTarget;
  readonly #context: LedgerContext;
  readonly #revisions = new Map<string, number>();
  /** Marks without their keys, of deletes that were cut short. */
  readonly #worn = new Set<string>();
  /** The digests of what others were to write, and may still, by key. */
  readonly #pending = new Map<string, string>();

  constructor(target: ConfigStore, prefix: string, recorded: RecordedTarget, context: LedgerContext) {
    this.#target = target;
    this.#prefix = prefix;
    this.#recorded = recorded;
    this.#context = context;
  }

  /** Reads the marks beside the keys that are given. Gives those that are own. */
  async read(readKeys: () => Promise<readonly KeyValue[]>): Promise<ReadonlySet<KeyValue>> {
    // Before the keys: a replicator before this one may still delete a key, and then its mark.
    const before = await this.#readAll();
    const items = await readKeys();
    const own = new Set(items.filter((item) => isMeant(before.get(item.key), item)));
    // Or it has written one since, and its mark before that.
    const marks = own.size === items.length ? before : await this.#readAll();
    for (const item of items) if (!own.has(item) && isMeant(marks.get(item.key), item)) own.add(item);
    const revisions = new Map(items.map(({ key, modRevision }) => [key, modRevision]));
    this.#worn.clear();
    this.#pending.clear();
    for (const [key, { sum, over }] of marks) {
      const revision = revisions.get(key);
      if (revision === undefined) this.#worn.add(key);
      if (revision === undefined || revision === over) this.#pending.set(key, sum);
    }
    return own;
  }

  async #readAll(): Promise<ReadonlyMap<string, Intent>> {
    const { items } = await this.#recorded.retry(() => readAll(this.#target, this.#prefix, this.#call));
    const intents = new Map<string, Intent>();
    this.#revisions.clear();
    for (const { key, value, modRevision } of items) {
      const name = decoded(key.slice(this.#prefix.length));
      const intent = toIntent(value);
      if (name === undefined || intent === undefined) continue;
      this.#revisions.set(name, modRevision);
      intents.set(name, intent);
    }
    return intents;
  }

  /** Before a put. @param over the revision that the key must have; 0 if it must be absent */
  async write(key: string, value: Uint8Array, over: number): Promise<void> {
    const name = this.#markOf(key);
    const text = JSON.stringify({ sum: sumOf(value), over } satisfies Intent);
    for (;;) {
      const known = this.#revisions.get(key);
      try {
        const guard = known === undefined ? ({ ifAbsent: true } as const) : { ifModRevision: known };
        const result = await this.#target.put(name, text, { ...guard, ...this.#call });
        this.#context.answered();
        if (result.succeeded) {
          this.#revisions.set(key, result.revision);
          return;
        }
      } catch (error) {
        await this.#context.failed(error);
      }
      // Another replicator's, or an own one whose answer was lost.
      await this.#recorded.findOwn();
      const found = await this.#recorded.retry(() => this.#target.get(name, this.#call));
      if (found === undefined) {
        this.#revisions.delete(key);
        continue;
      }
      this.#revisions.set(key, found.modRevision);
      if (decodeUtf8(found.value) === text) return;
      this.#note(key, found);
    }
  }

  /** The key is as this replicator has written it: what others were to write can't come in any more. */
  wrote(key: string): void {
    this.#pending.delete(key);
  }

  /** Whether a key is as a replicator before this one was to write it. */
  async isOfOthers(key: string, current: KeyValue): Promise<boolean> {
    const sum = sumOf(current.value);
    if (this.#pending.get(key) === sum) return true;
    const found = await this.#recorded.retry(() => this.#target.get(this.#markOf(key), this.#call));
    if (found === undefined || found.modRevision === this.#revisions.get(key)) return false;
    this.#revisions.set(key, found.modRevision);
    this.#note(key, found);
    return this.#pending.get(key) === sum;
  }

  #note(key: string, mark: KeyValue): void {
    const sum = toIntent(mark.value)?.sum;
    if (sum !== undefined) this.#pending.set(key, sum);
  }

  /** After a delete. Only that mark: a deletion that lands late must not take a newer one. */
  async delete(key: string): Promise<void> {
    const known = this.#revisions.get(key);
    this.#revisions.delete(key);
    if (known === undefined) return;
    await this.#recorded.retry(() => this.#target.delete(this.#markOf(key), { ifModRevision: known, ...this.#call }));
  }

  async clearWorn(): Promise<void> {
    await sideBySide([...this.#worn], async (key) => {
      await this.delete(key);
      this.#worn.delete(key);
    });
  }

  #markOf(key: string): string {
    return this.#prefix + encodeURIComponent(key).replace(/^_/, '%5F');
  }

  get #call(): { readonly signal: AbortSignal } {
    return { signal: this.#context.signal };
  }
}

/** Whether a key has the value that is meant to be there, or the one before it. */
function isMeant(intent: Intent | undefined, { value, modRevision }: KeyValue): boolean {
  return intent !== undefined && (intent.over === modRevision || intent.sum === sumOf(value));
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
