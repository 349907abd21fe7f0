import { Random } from '@holdfast/testkit';
import { callOptions, getOptions, guard, listOptions, putOptions, scanOptions, ttl } from './options.js';
import type { CallStep, Plan, Ref, Step, WatchStep } from './plan.js';
import { spoil } from './spoil.js';
import { Transactions } from './transactions.js';
import type { Vocabulary } from './vocabulary.js';
import { NAMED_LEASES, Words } from './words.js';

/** Which stores a plan is for: their keys, and the share of transactions that are about one key. */
export interface Kind {
  readonly vocabulary: Vocabulary;
  readonly ofOneKey: number;
}

const STEPS = 60;
const MOST_WATCHES = 6;
const ODD_KEY = Uint8Array.of(0xff);
const ALL_SORTS: readonly [string, ...string[]] = ['key', 'version', 'createRevision', 'modRevision', 'value'];

/** The plan of a seed. */
export function generate(seed: number, kind: Kind): Plan {
  return new Generator(seed, kind).plan();
}

class Generator {
  readonly #seed: number;
  readonly #kind: Kind;
  readonly #random: Random;
  readonly #words: Words;
  readonly #transactions: Transactions;
  readonly #watches: number[] = [];
  #nextWatch = 1;

  constructor(seed: number, kind: Kind) {
    this.#seed = seed;
    this.#kind = kind;
    this.#random = new Random(seed);
    this.#words = new Words(this.#random, kind.vocabulary);
    this.#transactions = new Transactions(this.#words);
  }

  plan(): Plan {
    const steps = Array.from({ length: STEPS }, (): Step => this.#step());
    return { seed: this.#seed, steps };
  }

  #step(): Step {
    const random = this.#random;
    const { rawKeys } = this.#kind.vocabulary;
    return random.weighted<() => Step>([
      [20, () => this.#call()],
      [this.#watches.length < MOST_WATCHES ? 2 : 0, () => this.#watch()],
      [this.#watches.length > 0 ? 0.5 : 0, () => this.#unwatch()],
      [1, () => ({ do: 'settle' })],
      [
        rawKeys.length > 0 ? 0.4 : 0,
        () => ({ do: 'raw put', key: rawKeys[random.below(rawKeys.length)] ?? ODD_KEY, value: 'raw' }),
      ],
    ])();
  }

  #call(): CallStep {
    const random = this.#random;
    const words = this.#words;
    const view = words.chooseView();
    const [method, args] = random.weighted<() => readonly [string, readonly unknown[]]>([
      [2, () => ['get', [words.anyKey(), getOptions(words)]]],
      [
        4,
        () => [
          'list',
          [words.range(), { ...callOptions(words), ...this.#consistency(), ...listOptions(words, ALL_SORTS) }],
        ],
      ],
      [2, () => ['scan', [words.range(), scanOptions(words)]]],
      [6, () => ['put', this.#put()]],
      [2, () => ['put', this.#guardedPut()]],
      [2, () => ['delete', [random.chance(0.8) ? words.anyKey() : words.range(), this.#deleteOptions()]]],
      [1, () => ['delete', this.#guardedDelete()]],
      [5, () => ['txn', [this.#txn(), callOptions(words)]]],
      [0.5, () => ['compact', [words.revision(), { ...(random.chance(0.3) && { physical: true }) }]]],
      [0.5, () => ['status', []]],
      [0.7, () => ['leases.grant', [ttl(words), { ...(random.chance(0.7) && { id: random.pick(NAMED_LEASES) }) }]]],
      [0.4, () => ['leases.revoke', [words.lease()]]],
      [0.4, () => ['leases.keepAlive', [words.lease()]]],
      [0.7, () => ['leases.timeToLive', [words.lease(), { keys: random.chance(0.8) }]]],
      [0.3, () => ['leases.list', []]],
    ])();
    return { do: 'call', view, method, args: random.chance(0.07) ? spoil(random, args) : args };
  }

  #consistency(): Readonly<Record<string, unknown>> {
    return this.#random.chance(0.1) ? { consistency: 'serializable' } : {};
  }

  #put(): readonly unknown[] {
    const { value, options } = putOptions(this.#words);
    const timed = this.#random.chance(0.08) ? { ttl: ttl(this.#words) } : {};
    return [this.#words.key(), value, { ...callOptions(this.#words), ...options, ...timed }];
  }

  #guardedPut(): readonly unknown[] {
    const [key, value, options] = this.#put();
    return [key, value, { ...(options as object), ...guard(this.#words, String(key), false) }];
  }

  #guardedDelete(): readonly unknown[] {
    const key = this.#words.anyKey();
    return [key, { ...this.#deleteOptions(), ...guard(this.#words, key, true) }];
  }

  #deleteOptions(): Readonly<Record<string, unknown>> {
    return { ...callOptions(this.#words), ...(this.#random.chance(0.4) && { previous: this.#random.chance(0.9) }) };
  }

  #txn(): unknown {
    return this.#random.chance(this.#kind.ofOneKey) ? this.#transactions.ofOneKey() : this.#transactions.any();
  }

  #watch(): WatchStep {
    const random = this.#random;
    const id = this.#nextWatch++;
    this.#watches.push(id);
    const view = this.#words.chooseView();
    const options = {
      ...(random.chance(0.5) && { after: this.#bookmark() }),
      ...(random.chance(0.5) && { previous: true }),
      ...(random.chance(0.2) && { only: random.pick(['put', 'delete']) }),
      ...(random.chance(0.2) && { bufferBytes: random.pick([1, 100, 100_000]) }),
      ...(random.chance(0.01) && { signal: { $: 'aborted' } satisfies Ref }),
    };
    const args: readonly unknown[] = [this.#words.range(), options];
    return {
      do: 'watch',
      id,
      view,
      args: random.chance(0.05) ? spoil(random, args) : args,
      patient: random.chance(0.2),
    };
  }

  #bookmark(): Ref {
    const random = this.#random;
    const of = random.chance(0.04) ? 'another' : 'this history';
    const back = random.weighted([
      [6, random.between(0, 10)],
      [2, random.between(0, 60)],
      [0.7, -random.between(1, 3)],
    ]);
    return { $: 'bookmark', back, of };
  }

  #unwatch(): Step {
    const [id = 0] = this.#watches.splice(this.#random.below(this.#watches.length), 1);
    return { do: 'unwatch', id };
  }
}
