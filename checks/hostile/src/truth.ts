import type { ConfigStore } from '@holdfast/store';

/** The content of a prefix: keys, without the prefix, and their values as text. */
export type Content = Readonly<Record<string, string>>;

interface Change {
  readonly key: string;
  /** `undefined` where the key was deleted. */
  readonly value: string | undefined;
}

/** What the honest server holds below a prefix, and has held. Nobody else writes there. */
export class Truth {
  readonly #store: ConfigStore;
  readonly #prefix: string;
  readonly #states: { readonly revision: number; readonly content: Content }[] = [];
  readonly #changes = new Map<number, Change>();
  #writes = 0;

  constructor(store: ConfigStore, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
  }

  /** Writes the first state: so many keys, which nobody reads before. */
  async begin(keys: number): Promise<void> {
    const names = Array.from({ length: keys }, (_, i) => `k${String(i).padStart(4, '0')}`);
    const results = await Promise.all(names.map((name) => this.#store.put(this.#prefix + name, `first of ${name}`)));
    const revision = Math.max(...results.map((result) => result.revision));
    this.#states.push({ revision, content: Object.fromEntries(names.map((name) => [name, `first of ${name}`])) });
  }

  get content(): Content {
    return this.#states.at(-1)?.content ?? {};
  }

  /** The revision of the last change. */
  get lastRevision(): number {
    return this.#states.at(-1)?.revision ?? 0;
  }

  /** The key that is changed in that turn. */
  nextKey(turn: number): string {
    return `k${String(turn % 7).padStart(4, '0')}`;
  }

  /** Changes one key: puts it, or deletes it now and then. */
  async change(turn: number): Promise<void> {
    const key = this.nextKey(turn);
    if (turn % 5 !== 4 || this.content[key] === undefined) return this.#put(key);
    const { revision } = await this.#store.delete(this.#prefix + key);
    const { [key]: _gone, ...rest } = this.content;
    this.#states.push({ revision, content: rest });
    this.#changes.set(revision, { key, value: undefined });
    this.#writes += 1;
  }

  /** The content of the first keys, in order. */
  first(keys: number): Content {
    const entries = Object.entries(this.content).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.slice(0, keys));
  }

  /** Whether this was all there was at that revision. */
  held(content: Content, revision: number): boolean {
    if (revision > this.lastRevision + SLACK) return false;
    const state = this.#states.findLast((each) => each.revision <= revision);
    return state !== undefined && sameContent(state.content, content);
  }

  /** What was changed at that revision: a key, and its value or that it was deleted. */
  changeAt(revision: number): Change | undefined {
    return this.#changes.get(revision);
  }

  /** The revisions of all changes after one, in order: of everything, or of one key. */
  changesAfter(revision: number, key?: string): readonly number[] {
    return [...this.#changes].flatMap(([at, change]) =>
      at > revision && (key === undefined || change.key === key) ? [at] : [],
    );
  }

  async #put(key: string): Promise<void> {
    this.#writes += 1;
    const value = `value ${this.#writes}`;
    const { revision } = await this.#store.put(this.#prefix + key, value);
    this.#states.push({ revision, content: { ...this.content, [key]: value } });
    this.#changes.set(revision, { key, value });
  }
}

/** More revisions than writes below other prefixes may have taken since the last change. */
const SLACK = 1_000_000;

export function sameContent(a: Content, b: Content): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
