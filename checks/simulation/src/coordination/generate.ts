import { netFault } from '../plans/net-faults.js';
import { Random } from '../plans/random.js';
import { ACCOUNTS, NAMES, type Acquire, type Ask, type CoordinationPlan, type CoordinationStep } from './plan.js';

// Another sequence than that of the worlds of mirrors.
const SALT = 0x51_c0_0d;

/** A world of coordinators for a seed. */
export function generateCoordination(seed: number): CoordinationPlan {
  return new Generator(seed).plan();
}

const PAUSES = [
  [5, 20],
  [4, 150],
  [3, 900],
  [2, 3_000],
] as const;

class Generator {
  readonly #seed: number;
  readonly #random: Random;
  readonly #clients: number;
  readonly #members: number;
  readonly #names: readonly [string, ...string[]];
  // Not every world has everything: what is rare elsewhere happens often in some.
  readonly #hasNet: boolean;
  readonly #hasRestores: boolean;
  readonly #hasOperators: boolean;
  readonly #hasStops: boolean;
  readonly #hasRefusals: boolean;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed ^ SALT);
    const random = this.#random;
    this.#clients = random.between(2, 4);
    this.#members = random.pick([1, 1, 3]);
    const [first, ...others] = NAMES;
    this.#names = random.chance(0.5) ? [first] : [first, ...others];
    this.#hasNet = random.chance(0.85);
    this.#hasRestores = random.chance(0.25);
    this.#hasOperators = random.chance(0.3);
    this.#hasStops = random.chance(0.4);
    this.#hasRefusals = random.chance(0.25);
  }

  plan(): CoordinationPlan {
    const random = this.#random;
    const ttls = Array.from({ length: this.#clients }, () => random.pick([2, 3, 3, 5, 8]));
    const observers = Array.from({ length: random.between(0, 2) }, () => ({
      client: random.below(this.#clients),
      name: random.pick(this.#names as [string, ...string[]]),
    }));
    const steps: CoordinationStep[] = [];
    for (let n = random.between(15, 45); n > 0; n -= 1) {
      steps.push(this.#step());
      if (random.chance(0.7)) steps.push({ do: 'wait', ms: random.below(random.weighted(PAUSES)) + 1 });
    }
    return { seed: this.#seed, ttls, members: this.#members, observers, steps };
  }

  #step(): CoordinationStep {
    const random = this.#random;
    const client = random.below(this.#clients);
    const choices: (readonly [number, () => CoordinationStep])[] = [
      [14, () => this.#acquire(client)],
      [
        2,
        () => ({
          do: 'transfer',
          client,
          from: random.below(ACCOUNTS),
          to: random.below(ACCOUNTS),
          held: random.chance(0.3),
        }),
      ],
      [1, () => ({ do: 'close', client })],
      [1, () => ({ do: 'compact', behind: random.pick([0, 0, 2, 10]) })],
      [0.5, () => ({ do: 'jump', client, ms: random.pick([-7_200_000, -5_000, 3_000, 3_600_000]) })],
    ];
    if (this.#members > 1)
      choices.push([
        1.5,
        () => ({ do: 'member', member: random.below(this.#members), act: random.pick(['lag', 'catch-up']) }),
      ]);
    if (this.#hasNet) {
      choices.push(
        [9, () => ({ do: 'net', client, fault: netFault(this.#random, this.#hasRefusals) })],
        [3, () => ({ do: 'cut-after', client, messages: random.between(1, 8) })],
        [1, () => ({ do: 'reads', client, count: random.between(1, 3), how: random.pick(['fail', 'hang', 'broken']) })],
        [1, () => ({ do: 'watches', client, how: random.pick(['unavailable', 'internal']) })],
        [3, () => ({ do: 'late-write', client, ms: random.pick([50, 400, 2_500, 7_000]) })],
      );
    }
    if (this.#hasStops)
      choices.push([
        2,
        () => ({
          do: 'stop',
          client,
          ms: random.pick([300, 1_500, 4_000, 12_000]),
          how: random.pick(['suspended', 'asleep']),
        }),
      ]);
    if (this.#hasOperators) {
      const name = random.pick(this.#names);
      choices.push(
        [2, () => ({ do: 'delete-key', name, which: random.pick(['first', 'first', 'last']) })],
        [1.5, () => ({ do: 'revoke', client })],
      );
    }
    if (this.#hasRestores) {
      choices.push(
        [1.5, () => ({ do: 'snapshot' })],
        [
          1,
          () => ({
            do: 'restore',
            from: random.pick(['snapshot', 'snapshot', 'nothing']),
            identity: random.pick(['new', 'new', 'same']),
            writes: random.pick([0, 0, 3]),
          }),
        ],
      );
    }
    return random.weighted(choices)();
  }

  #acquire(client: number): Acquire {
    const random = this.#random;
    const how: Ask = random.weighted([
      [5, 'lock'],
      [2, 'with-lock'],
      [1.5, 'try-lock'],
      [4, 'campaign'],
    ]);
    const isLong = random.chance(0.08);
    const isHurried = random.chance(0.3);
    const byMessages = { messages: random.between(1, 6), turns: random.below(12) };
    const abort = random.chance(0.5) ? byMessages : { ms: random.pick([1, 5, 40, 300, 2_000]) };
    return {
      do: 'acquire',
      client,
      name: random.pick(this.#names),
      how,
      // A long one holds on while everything heals.
      holdMs: isLong ? 20_000 : random.pick([0, 30, 300, 1_500, 4_000]),
      paceMs: isLong ? 900 : random.pick([20, 90, 300, 900]),
      isAttentive: random.chance(0.7),
      ...(how === 'campaign' && random.chance(0.4) && { proclaims: true }),
      ...(random.chance(0.2) && { timeoutMs: random.pick([1, 20, 400, 3_000]) }),
      ...(isHurried && { abort }),
    };
  }
}
