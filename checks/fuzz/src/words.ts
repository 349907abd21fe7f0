import type { Random } from '@holdfast/testkit';
import { type Ref, type View, WHOLE_STORE } from './plan.js';
import type { Vocabulary } from './vocabulary.js';

/** A value that is too large for any request, and one that is nearly so. etcd takes 1.5 MiB, and counts what is around it. */
const TOO_LARGE = 1_700_000;
const LARGE = 1_200_000;

/** Chooses the words of a plan, as they look through a view. */
export class Words {
  readonly random: Random;
  readonly #vocabulary: Vocabulary;
  #view: View = WHOLE_STORE;

  constructor(random: Random, vocabulary: Vocabulary) {
    this.random = random;
    this.#vocabulary = vocabulary;
  }

  /** From now on words are those of a view that is chosen here. */
  chooseView(): View {
    const { random } = this;
    const prefix = (): string => random.pick(this.#vocabulary.views);
    this.#view = random.weighted<View>([
      [14, WHOLE_STORE],
      [4, { prefixes: [prefix()], readOnly: false }],
      [1, { prefixes: [random.pick(['a', '/']), random.pick(['/', 'a/'])], readOnly: false }],
      [1, { prefixes: random.chance(0.5) ? [prefix()] : [], readOnly: true }],
    ]);
    return this.#view;
  }

  get vocabulary(): Vocabulary {
    return this.#vocabulary;
  }

  /** A key that may be written. */
  key(): string {
    return this.random.pick(this.#inside(this.#vocabulary.keys));
  }

  /** A key that is asked for. */
  anyKey(): string {
    return this.random.chance(0.85) ? this.key() : this.random.pick(this.#vocabulary.otherKeys);
  }

  /** A range of any form, with odd bounds among them. */
  range(): unknown {
    const { random } = this;
    const bound = (): unknown => random.pick(this.#vocabulary.bounds);
    return random.weighted<() => unknown>([
      [2, () => this.anyKey()],
      [2, () => ({ key: this.anyKey() })],
      [5, () => ({ prefix: random.pick(this.#vocabulary.prefixes) })],
      [3, () => ({ start: bound(), end: bound() })],
      [2, () => ({ start: this.anyKey(), end: bound() })],
      [1, () => ({ start: bound() })],
      [1, () => ({ end: bound() })],
      [0.1, () => ({})],
    ])();
  }

  value(): string | Uint8Array {
    const { random } = this;
    if (random.chance(0.003)) return 'v'.repeat(random.pick([LARGE, TOO_LARGE]));
    return random.pick(this.#vocabulary.values);
  }

  /** A revision that was, and now and then one that will be, or is long gone. */
  revision(): Ref | number {
    const { random } = this;
    return random.weighted<Ref | number>([
      [12, { $: 'revision', back: random.between(0, 12) }],
      [2, { $: 'revision', back: random.between(0, 60) }],
      [1, { $: 'revision', back: -random.between(1, 3) }],
      [0.3, random.pick([1, 2, 1_000_000, 2 ** 53 - 1])],
    ]);
  }

  lease(): Ref | string {
    const { random } = this;
    return random.weighted<Ref | string>([
      [4, random.pick(NAMED_LEASES)],
      [2, { $: 'lease', nth: random.below(4) }],
      [1, random.pick(['4711', '9223372036854775807'])],
    ]);
  }

  /** The keys as the view has them; all of them, now and then, as keys of the view. */
  #inside(keys: readonly [string, ...string[]]): readonly [string, ...string[]] {
    const prefix = this.#view.prefixes.join('');
    if (prefix === '') return keys;
    const [first, ...more] = keys.flatMap((key) =>
      key.length > prefix.length && key.startsWith(prefix) ? [key.slice(prefix.length)] : [],
    );
    return first === undefined ? ['x'] : [first, ...more];
  }
}

/** Ids that plans ask for, so that two stores have the same. */
export const NAMED_LEASES = ['11', '12', '13'] as const;
