import type { ConfigStore } from '@holdfast/store';

/** The content of a prefix: keys, without the prefix, and their values as text. */
export type Content = Readonly<Record<string, string>>;

const FIRST = 'the first value';

/** What the honest server holds below a prefix, and has held. Nobody else writes there. */
export class Truth {
  readonly #store: ConfigStore;
  readonly #prefix: string;
  readonly #states: { readonly revision: number; readonly content: Content }[] = [];
  #writes = 0;

  constructor(store: ConfigStore, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
  }

  /** Writes the first state: so many keys, which nobody reads before. */
  async begin(keys: number): Promise<void> {
    const names = Array.from({ length: keys }, (_, i) => `k${String(i).padStart(4, '0')}`);
    const put = names.map(async (name) => [name, await this.#store.put(this.#prefix + name, FIRST)] as const);
    const results = await Promise.all(put);
    const revision = Math.max(...results.map(([, result]) => result.revision));
    this.#states.push({ revision, content: Object.fromEntries(names.map((name) => [name, FIRST])) });
  }

  get content(): Content {
    return this.#states.at(-1)?.content ?? {};
  }

  /** The revision of the last change. */
  get lastRevision(): number {
    return this.#states.at(-1)?.revision ?? 0;
  }

  /** Changes one key: puts it, or deletes it now and then. */
  async change(turn: number): Promise<void> {
    const key = `k${String(turn % 7).padStart(4, '0')}`;
    if (turn % 5 !== 4 || this.content[key] === undefined) return this.#put(key);
    const { revision } = await this.#store.delete(this.#prefix + key);
    const { [key]: _gone, ...rest } = this.content;
    this.#states.push({ revision, content: rest });
    this.#writes += 1;
  }

  /** Whether this was all there was at that revision; or at any, where that revision is none of the server's. */
  held(content: Content, revision: number | undefined): boolean {
    const head = this.#states.at(-1)?.revision ?? 0;
    if (revision === undefined || revision > head + SLACK)
      return this.#states.some((state) => sameContent(state.content, content));
    const state = this.#states.findLast((each) => each.revision <= revision);
    return state !== undefined && sameContent(state.content, content);
  }

  /** Whether a key had this value at any time; `undefined` where it was not there. */
  hadValue(key: string, value: string | undefined): boolean {
    return this.#states.some(({ content }) => content[key] === value);
  }

  async #put(key: string): Promise<void> {
    this.#writes += 1;
    const value = `value ${this.#writes}`;
    const { revision } = await this.#store.put(this.#prefix + key, value);
    this.#states.push({ revision, content: { ...this.content, [key]: value } });
  }
}

/** Revisions that other prefixes may have taken since the last write of this one. */
const SLACK = 1_000_000;

export function sameContent(a: Content, b: Content): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
