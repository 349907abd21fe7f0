import { isStoreError, type ConfigStore } from '@holdfast/store';
import type { Truth } from './truth.js';
import type { Target } from './target.js';

/** How long a call may take under attack, and how much longer it may be on a busy machine. */
const TIMEOUT_MS = 250;
const GRACE_MS = 5_000;

const text = (value: Uint8Array): string => Buffer.from(value).toString();

/** What is wrong with a call, in words; `undefined` if nothing is. */
type Finding = string | undefined;

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
    const calls: readonly (readonly [string, 'read' | 'write', () => Promise<Finding>])[] = [
      ['get', 'read', async () => this.#value('k0001', await store.get(`${prefix}k0001`, limits))],
      ['get of nothing', 'read', async () => this.#value('none', await store.get(`${prefix}none`, limits))],
      ['list', 'read', async () => this.#list(await store.list({ prefix }, limits))],
      ['scan', 'read', () => this.#scan(bigPrefix, limits)],
      ['put', 'write', () => this.#put(`${writtenPrefix}key`)],
      [
        'guarded put',
        'write',
        async () => void (await store.put(`${writtenPrefix}other`, 'x', { ifPresent: true, ...limits })),
      ],
      ['delete', 'write', async () => void (await store.delete(`${writtenPrefix}gone`, limits))],
      ['txn', 'read', async () => void (await store.txn({ then: [{ type: 'get', key: `${prefix}k0001` }] }, limits))],
      ['status', 'read', async () => void (await store.status(limits))],
      ['grant', 'write', async () => void (await store.leases.grant(60, limits))],
    ];
    const found = await Promise.all(calls.map(([name, kind, call]) => this.#judged(name, kind, call)));
    this.made += calls.length;
    return found.flatMap((finding) => finding ?? []);
  }

  /** What is wrong with what was written; to be asked when the server can be reached again. */
  async check(): Promise<Finding> {
    const entry = await this.#target.direct.get(`${this.#target.writtenPrefix}key`);
    const value = entry && text(entry.value);
    return this.#possible.has(value)
      ? undefined
      : `the store has ${value ?? 'nothing'} where ${[...this.#possible].join(', ')} was written`;
  }

  async #judged(name: string, kind: 'read' | 'write', call: () => Promise<Finding>): Promise<Finding> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Finding>((resolve) => {
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

  #value(key: string, entry: { readonly key: string; readonly value: Uint8Array } | undefined): Finding {
    if (entry !== undefined && entry.key !== this.#target.prefix + key) return `gave ${entry.key} for ${key}`;
    const value = entry && text(entry.value);
    return this.#truth.hadValue(key, value) ? undefined : `gave ${value ?? 'nothing'} for ${key}`;
  }

  #list({ items }: Awaited<ReturnType<ConfigStore['list']>>): Finding {
    const { prefix } = this.#target;
    const entries = items.map(({ key, value }) => [key.replace(prefix, ''), text(value)] as const);
    return this.#truth.held(Object.fromEntries(entries), undefined)
      ? undefined
      : `gave ${items.length} entries that never were`;
  }

  async #scan(prefix: string, limits: { readonly timeoutMs: number }): Promise<Finding> {
    const content: Record<string, string> = {};
    for await (const page of this.#store.scan({ prefix }, limits)) {
      for (let i = 0; i < page.length; i += 1) content[page.key(i).replace(prefix, '')] = text(page.value(i));
    }
    const count = Object.keys(content).length;
    return this.#big.held(content, undefined) ? undefined : `ended with ${count} entries that never were`;
  }

  async #put(key: string): Promise<undefined> {
    const value = `written ${this.#turn++}`;
    try {
      await this.#store.put(key, value, { timeoutMs: TIMEOUT_MS });
      this.#possible = new Set([value]);
    } catch (error) {
      if (!isStoreError(error) || error.outcome !== 'not-applied') this.#possible.add(value);
      throw error;
    }
  }
}

/** What is wrong with how a call failed. */
function failure(name: string, kind: 'read' | 'write', error: unknown): Finding {
  if (!isStoreError(error)) return `${name} threw ${String(error)}`;

  if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(error.message))
    return `${name} has control characters in its message`;
  if (kind === 'write' && error.outcome === undefined)
    return `${name} does not say whether it was applied: ${error.code}`;
  if (name !== 'get of nothing' && error.code === 'not-found') return `${name} says not-found: ${error.message}`;
  return undefined;
}
