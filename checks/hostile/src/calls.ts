import { isStoreError, type ConfigStore, type GuardedPutResult, type KeyValue, type ListResult } from '@holdfast/store';
import { wrongEntry, wrongLease, wrongRevision, type Wrong } from './possible.js';
import type { Target } from './target.js';
import { sameContent, type Truth } from './truth.js';

/** How long a call may take under attack, and how much longer it may be on a busy machine. */
const TIMEOUT_MS = 250;
const GRACE_MS = 30_000;

const text = (value: Uint8Array): string => Buffer.from(value).toString();

/** A limit for a list: less than there are keys. */
const SOME = 3;

/** Makes all calls at once, and says what is wrong with any of them. */
export class Calls {
  readonly #store: ConfigStore;
  readonly #target: Target;
  readonly #truth: Truth;
  readonly #big: Truth;
  /** Values that the written key may have: the last one that was acknowledged, and later ones of which nobody knows. */
  #possible = new Set<string | undefined>([undefined]);
  #turn = 0;
  /** How many calls were made. */
  made = 0;

  constructor(store: ConfigStore, target: Target, truth: Truth, big: Truth) {
    this.#store = store;
    this.#target = target;
    this.#truth = truth;
    this.#big = big;
  }

  async all(): Promise<readonly string[]> {
    const { prefix, bigPrefix, writtenPrefix } = this.#target;
    const limits = { timeoutMs: TIMEOUT_MS };
    const store = this.#store;
    const absent = `${writtenPrefix}absent`;
    const calls: readonly (readonly [string, 'read' | 'write', () => Promise<Wrong>])[] = [
      ['get', 'read', async () => this.#value('k0001', await store.get(`${prefix}k0001`, limits))],
      ['get of nothing', 'read', async () => this.#value('none', await store.get(`${prefix}none`, limits))],
      ['list', 'read', async () => this.#list(await store.list({ prefix }, limits))],
      ['list of some', 'read', async () => this.#list(await store.list({ prefix }, { limit: SOME, ...limits }), SOME)],
      ['scan', 'read', () => this.#scan(bigPrefix, limits)],
      ['put', 'write', () => this.#put(`${writtenPrefix}key`)],
      [
        'put with the previous',
        'write',
        async () => {
          const put = await store.put(`${writtenPrefix}again`, 'again', { previous: true, ...limits });
          return wrongRevision(put.revision) ?? this.#previous(`${writtenPrefix}again`, put.previous);
        },
      ],
      ['guarded put', 'write', async () => this.#failed(await store.put(absent, 'x', { ifPresent: true, ...limits }))],
      ['put if equal', 'write', async () => this.#failed(await store.put(absent, 'x', { ifValue: 'x', ...limits }))],
      [
        'delete',
        'write',
        async () => {
          const { revision, deleted, previous } = await store.delete(absent, { previous: true, ...limits });
          if ((deleted ?? 0) !== 0 || (previous ?? []).length > 0) return `deleted ${deleted} entries that never were`;
          return wrongRevision(revision);
        },
      ],
      ['txn', 'read', () => this.#txn(limits)],
      ['status', 'read', async () => wrongRevision((await store.status(limits)).revision)],
      ['grant', 'write', async () => wrongLease(await store.leases.grant(60, limits))],
    ];
    const found = await Promise.all(calls.map(([name, kind, call]) => this.#judged(name, kind, call)));
    this.made += calls.length;
    return found.flatMap((finding) => finding ?? []);
  }

  /** What is wrong with what was written; to be asked when the server can be reached again. */
  async check(): Promise<Wrong> {
    const entry = await this.#target.direct.get(`${this.#target.writtenPrefix}key`);
    const value = entry && text(entry.value);
    return this.#possible.has(value)
      ? undefined
      : `the store has ${value ?? 'nothing'} where ${[...this.#possible].join(', ')} was written`;
  }

  async #judged(name: string, kind: 'read' | 'write', call: () => Promise<Wrong>): Promise<Wrong> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Wrong>((resolve) => {
      timer = setTimeout(() => {
        resolve(`${name} hangs`);
      }, TIMEOUT_MS + GRACE_MS);
    });
    const judged = call().then(
      (finding) => finding && `${name}: ${finding}`,
      (error: unknown) => failure(name, kind, error),
    );
    try {
      return await Promise.race([judged, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #value(key: string, entry: KeyValue | undefined): Wrong {
    if (entry !== undefined && entry.key !== this.#target.prefix + key) return `gave ${entry.key} for ${key}`;
    const value = entry && text(entry.value);
    if (this.#truth.content[key] !== value) return `gave ${value ?? 'nothing'} for ${key}`;
    return entry && wrongEntry(entry);
  }

  #list({ items, bookmark }: ListResult, most = Infinity): Wrong {
    const { prefix } = this.#target;
    const entries = items.map(({ key, value }) => [key.replace(prefix, ''), text(value)] as const);
    if (!sameContent(Object.fromEntries(entries), this.#truth.first(most))) return `gave ${shown(entries)}`;
    return wrongRevision(bookmark.revision) ?? firstOf(items, wrongEntry);
  }

  async #scan(prefix: string, limits: { readonly timeoutMs: number }): Promise<Wrong> {
    const content: Record<string, string> = {};
    for await (const page of this.#store.scan({ prefix }, limits)) {
      for (let i = 0; i < page.length; i += 1) content[page.key(i).replace(prefix, '')] = text(page.value(i));
    }
    const count = Object.keys(content).length;
    return sameContent(content, this.#big.content) ? undefined : `ended with ${count} entries that never were`;
  }

  async #txn(limits: { readonly timeoutMs: number }): Promise<Wrong> {
    const { prefix } = this.#target;
    const { results, succeeded, revision } = await this.#store.txn(
      {
        then: [
          { type: 'get', key: `${prefix}k0001` },
          { type: 'list', range: { prefix } },
        ],
      },
      limits,
    );
    const [get, list] = results;
    if (!succeeded || get?.type !== 'get' || list?.type !== 'list' || results.length !== 2)
      return `gave ${results.length} results: ${results.map(({ type }) => type).join(', ')}`;
    return wrongRevision(revision) ?? this.#value('k0001', get.item) ?? this.#list(list);
  }

  #failed(put: GuardedPutResult): Wrong {
    if (put.succeeded) return 'says that a guard held which did not';
    return put.current && `gave ${put.current.key}, which never was`;
  }

  /** The entry, if any, has the only value that was ever written there. */
  #previous(key: string, entry: KeyValue | undefined): Wrong {
    if (entry === undefined) return undefined;
    if (entry.key !== key || text(entry.value) !== 'again')
      return `gave ${entry.key} with ${text(entry.value)} for ${key}`;
    return wrongEntry(entry);
  }

  async #put(key: string): Promise<Wrong> {
    const value = `written ${this.#turn++}`;
    try {
      const { revision } = await this.#store.put(key, value, { timeoutMs: TIMEOUT_MS });
      this.#possible = new Set([value]);
      return wrongRevision(revision);
    } catch (error) {
      if (!isStoreError(error) || error.outcome !== 'not-applied') this.#possible.add(value);
      throw error;
    }
  }
}

function firstOf<T>(items: readonly T[], wrong: (item: T) => Wrong): Wrong {
  for (const item of items) {
    const found = wrong(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function shown(entries: readonly (readonly [string, string])[]): string {
  return JSON.stringify(Object.fromEntries(entries)).slice(0, 300);
}

/** What is wrong with how a call failed. */
function failure(name: string, kind: 'read' | 'write', error: unknown): Wrong {
  if (!isStoreError(error)) return `${name} threw ${String(error)}`;

  if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(error.message))
    return `${name} has control characters in its message`;
  if (kind === 'write' && error.outcome === undefined)
    return `${name} does not say whether it was applied: ${error.code}`;
  if (error.code === 'invalid-argument') return `${name} blames its arguments: ${error.message}`;
  if (name !== 'get of nothing' && error.code === 'not-found') return `${name} says not-found: ${error.message}`;
  return undefined;
}
