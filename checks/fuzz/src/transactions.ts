import type { Ref } from './plan.js';
import { listOptions, putOptions } from './options.js';
import { NAMED_LEASES, type Words } from './words.js';

type Part = Readonly<Record<string, unknown>>;

/** Makes transactions. Most write no key twice, so that they are not all refused. */
export class Transactions {
  readonly #words: Words;
  /** Keys that the transaction has not written yet. */
  #free: string[] = [];

  constructor(words: Words) {
    this.#words = words;
  }

  any(): Part {
    const { random } = this.#words;
    this.#free = [];
    if (random.chance(0.02)) return this.#deep(random.pick([8, 31, 32, 33, 40]));
    if (random.chance(0.02)) return this.#wide(random.pick([100, 128, 129, 200]), random.pick([0, 20, 28, 29, 100]));
    return this.#txn(1);
  }

  /** About one key: what any backend can do that has transactions at all, and some of what it can't. */
  ofOneKey(): Part {
    const { random } = this.#words;
    const kind = random.pick(['get', 'get', 'put', 'put', 'put', 'delete']);
    const key = kind === 'put' ? this.#words.key() : this.#words.anyKey();
    const get = { type: 'get', key };
    const guards = random.chance(0.8) ? this.#times(random.between(1, 2), () => this.#compareOf(key)) : [];
    if (kind === 'get') return { if: guards, then: this.#times(random.below(3), () => get), else: [get] };
    const { value, options } = putOptions(this.#words);
    const write =
      kind === 'put'
        ? { type: 'put', key: random.chance(0.9) ? key : this.#words.key(), value, ...options }
        : { type: 'delete', range: key, previous: random.chance(0.5) };
    return { if: guards, then: [write], ...(random.chance(0.1) && { else: [get] }) };
  }

  #txn(depth: number): Part {
    const { random } = this.#words;
    return {
      ...(random.chance(0.7) && { if: this.#times(random.below(3), () => this.#compare()) }),
      ...(random.chance(0.9) && { then: this.#ops(depth) }),
      ...(random.chance(0.8) && { else: this.#ops(depth) }),
    };
  }

  #ops(depth: number): Part[] {
    return this.#times(this.#words.random.below(4), () => this.#op(depth));
  }

  #op(depth: number): Part {
    const { random } = this.#words;
    return random.weighted<() => Part>([
      [4, () => this.#put()],
      [2, () => ({ type: 'delete', range: this.#deleted(), previous: random.chance(0.5) })],
      [2, () => ({ type: 'get', key: this.#words.anyKey() })],
      [3, () => ({ type: 'list', range: this.#words.range(), ...listOptions(this.#words, ['key']) })],
      [depth < 4 ? 2 : 0, () => ({ type: 'txn', txn: this.#txn(depth + 1) })],
    ])();
  }

  #put(): Part {
    const { value, options } = putOptions(this.#words);
    return { type: 'put', key: this.#freeKey(), value, ...options };
  }

  #deleted(): unknown {
    return this.#words.random.chance(0.8) ? this.#freeKey() : this.#words.range();
  }

  #freeKey(): string {
    const { random, vocabulary } = this.#words;
    if (this.#free.length === 0) this.#free = [...vocabulary.keys];
    const [key = this.#words.key()] = this.#free.splice(random.below(this.#free.length), 1);
    return random.chance(0.9) ? key : this.#words.key();
  }

  #compare(): Part {
    const { random } = this.#words;
    const key = this.#words.anyKey();
    return random.chance(0.7)
      ? this.#compareOf(key)
      : { ...this.#compareOf(key), key: undefined, range: this.#words.range() };
  }

  #compareOf(key: string): Part {
    const { random } = this.#words;
    const op = random.pick(['=', '=', '!=', '<', '>']);
    const target = random.pick(this.#words.vocabulary.compared);
    const on = { key, op, target };
    if (target === 'value') return { ...on, value: this.#words.value() };
    if (target === 'lease') return { ...on, value: random.pick<unknown>([0, ...NAMED_LEASES, this.#words.lease()]) };
    if (target === 'version') return { ...on, value: random.below(4) };
    const now = { $: 'modRevision', key } satisfies Ref;
    return { ...on, value: random.pick<unknown>([0, now, now, this.#words.revision(), 2 ** 53 - 1]) };
  }

  /** A transaction in itself, so often. */
  #deep(depth: number): Part {
    let txn: Part = { then: [this.#put()] };
    for (let level = 1; level < depth; level += 1) txn = { then: [{ type: 'txn', txn }] };
    return txn;
  }

  /** So many operations, and so many more in a nested transaction. */
  #wide(count: number, nested: number): Part {
    const get = { type: 'get', key: this.#words.key() };
    const gets = (length: number): Part[] => this.#times(length, () => get);
    if (nested === 0) return { then: gets(count) };
    return { then: [...gets(count - 1), { type: 'txn', txn: { then: gets(nested) } }] };
  }

  #times<T>(length: number, make: () => T): T[] {
    return Array.from({ length }, make);
  }
}
