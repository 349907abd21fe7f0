import { randomUUID } from 'node:crypto';
import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  boundedHistory,
  createStore,
  followChanges,
  listItems,
  quoted,
  type CreateStoreOptions,
  type Doorbell,
  type ReadingDriver,
} from '@holdfast/adapter-kit';
import { StoreError, type Capabilities, type ConfigStore, type KeyValue, type WatchEvent } from '@holdfast/store';

// A file such as { "routes/home": "…", "limits": "…" } as a store that can be read and watched. Whoever edits the file should replace it
// by a rename: of a half-written one, this store says that it is unavailable.

const MAX_EVENTS = 200;

const CAPABILITIES = {
  writes: false,
  transactions: 'single-key',
  history: { events: MAX_EVENTS },
  compaction: false,
  leases: false,
  leaseListing: false,
  ttl: false,
  binaryValues: false,
  historicalReads: false,
  deltaReads: true,
  versions: false,
  progress: 'exact',
  keySyntax: 'any',
  guardReturnsCurrent: false,
  rangeDeletes: 'any',
  serializableReads: false,
  previousValues: true,
} as const satisfies Capabilities;

/** What the file held when it was read last, and the changes that led there. All handles share it. */
export class JsonFile {
  readonly history = boundedHistory({ maxEvents: MAX_EVENTS, identity: `json-file-${randomUUID()}` });
  readonly #path: string;
  #entries = new Map<string, KeyValue>();
  #text: string | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** The entries of now. One read after the other, so that an old text never follows a newer one. */
  async entries(): Promise<ReadonlyMap<string, KeyValue>> {
    const reading = this.#reading.then(() => this.#read());
    this.#reading = reading.catch(() => undefined);
    await reading;
    return this.#entries;
  }

  /** Rings whenever something happens in the file's folder: a rename replaces the file itself. */
  readonly doorbell: Doorbell = (ring) => {
    const watcher = watch(dirname(this.#path), { persistent: false }, ring);
    watcher.on('error', ring);
    return () => {
      watcher.close();
    };
  };

  async #read(): Promise<void> {
    let text: string;
    let values: Map<string, string>;
    try {
      text = await readFile(this.#path, 'utf8');
      if (text === this.#text) return;
      values = valuesIn(text);
    } catch (cause) {
      // It may be back, or whole, in a moment. Never an empty store: a mirror would delete everything.
      throw new StoreError(
        'unavailable',
        `${this.#path} can't be read: ${String(cause)}; write it whole, and rename it into place`,
        { cause },
      );
    }
    const events = this.#changesTo(values);
    if (events.length > 0) this.history.append(events);
    this.#text = text;
  }

  /** Takes over the new values, at the next revision. Gives what has changed. */
  #changesTo(values: ReadonlyMap<string, string>): WatchEvent[] {
    const { next: revision } = this.history;
    const events: WatchEvent[] = [];
    const entries = new Map<string, KeyValue>();
    for (const [key, text] of values) {
      const previous = this.#entries.get(key);
      const value = new TextEncoder().encode(text);
      if (previous !== undefined && Buffer.compare(previous.value, value) === 0) {
        entries.set(key, previous);
        continue;
      }
      const current = { key, value, createRevision: previous?.createRevision ?? revision, modRevision: revision };
      entries.set(key, current);
      events.push({ type: 'put', revision, current, isCreate: previous === undefined, ...(previous && { previous }) });
    }
    for (const [key, previous] of this.#entries) {
      if (!entries.has(key)) events.push({ type: 'delete', revision, key, previous });
    }
    this.#entries = entries;
    return events;
  }
}

/** The texts by their keys. Throws what is wrong: of a value that is no text, nothing would be told that is true. */
function valuesIn(text: string): Map<string, string> {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new Error('it must hold one object, with a text for each key');
  }
  const values = new Map<string, string>();
  for (const [key, value] of Object.entries(parsed)) {
    if (key === '') throw new Error('it has an empty key; a key has at least one character');
    if (typeof value !== 'string') throw new Error(`key ${quoted(key)} must hold a text, not ${JSON.stringify(value)}`);
    // Half of a surrogate pair has no UTF-8: two such keys would become one.
    if (/\p{Surrogate}/u.test(key + value)) throw new Error(`key ${quoted(key)} or its text is no Unicode`);
    values.set(key, value);
  }
  return values;
}

/** One handle on the file. */
export function jsonFileStore(file: JsonFile, options?: CreateStoreOptions): ConfigStore {
  const { history, doorbell } = file;
  const driver: ReadingDriver = {
    name: 'json-file',
    capabilities: CAPABILITIES,
    async list(range, listOptions) {
      const items = [...(await file.entries()).values()].filter(({ key }) => range.contains(key));
      return { ...listItems(items, listOptions), bookmark: history.head() };
    },
    watch: followChanges({
      async head() {
        await file.entries();
        return history.head();
      },
      async changesSince(after) {
        await file.entries();
        return history.changesSince(after);
      },
      doorbell,
      pollMs: 500,
      clock: options?.clock,
    }),
    async status() {
      await file.entries();
      return { version: process.version, members: [], ...history.head() };
    },
    close: () => Promise.resolve(),
  };
  return createStore(driver, options);
}
