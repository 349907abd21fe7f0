import { netFault } from '../plans/net-faults.js';
import { Random } from '../plans/random.js';
import {
  type Backend,
  type ForeignWrite,
  KEYS,
  LEASED,
  type ReplicationPlan,
  type ReplicationStep,
  type Side,
  type SourceWrite,
  STRANGERS,
} from './plan.js';

// Another sequence than those of the other worlds.
const SALT = 0x3e_91_c5;

/** A world of replicators for a seed. */
export function generateReplication(seed: number): ReplicationPlan {
  return new Generator(seed).plan();
}

type Choices = (readonly [number, () => ReplicationStep])[];

const PAUSES = [
  [5, 20],
  [4, 150],
  [3, 900],
  [2, 3_000],
] as const;

class Generator {
  readonly #seed: number;
  readonly #random: Random;
  readonly #source: Backend;
  readonly #target: Backend;
  readonly #hosts: number;
  readonly #mostOperations: number;
  // Not every world has everything: what is rare elsewhere happens often in some.
  readonly #hasNet: boolean;
  readonly #hasKills: boolean;
  readonly #hasStops: boolean;
  readonly #hasOthers: boolean;
  readonly #hasLeases: boolean;
  readonly #hasRestores: boolean;
  readonly #hasRefusals: boolean;
  readonly #losesRecords: boolean;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed ^ SALT);
    const random = this.#random;
    this.#source = random.chance(0.25) ? 'v2' : 'v3';
    this.#target = random.chance(0.25) ? 'v2' : 'v3';
    this.#hosts = random.pick([1, 2, 2, 3]);
    this.#mostOperations = random.pick([7, 9, 128, 128]);
    this.#hasNet = random.chance(0.85);
    this.#hasKills = random.chance(0.6);
    this.#hasStops = random.chance(0.5);
    this.#hasOthers = random.chance(0.5);
    this.#hasLeases = this.#source === 'v3' && random.chance(0.5);
    this.#hasRestores = random.chance(0.3);
    this.#hasRefusals = random.chance(0.15);
    this.#losesRecords = random.chance(0.08);
  }

  plan(): ReplicationPlan {
    const random = this.#random;
    const steps: ReplicationStep[] = [];
    for (let n = random.below(8); n > 0; n -= 1) steps.push({ do: 'write', write: this.#write() });
    if (random.chance(0.9)) steps.push({ do: 'start', host: 0 });
    for (let n = random.between(20, 60); n > 0; n -= 1) {
      steps.push(this.#step());
      if (random.chance(0.6)) steps.push({ do: 'wait', ms: random.below(random.weighted(PAUSES)) + 1 });
    }
    return {
      seed: this.#seed,
      source: this.#source,
      target: this.#target,
      mostOperations: this.#mostOperations,
      policy: random.pick(['stop', 'stop', 'skip', 'overwrite']),
      isMapped: random.chance(0.5),
      acceptsHistory: random.chance(0.35),
      hosts: this.#hosts,
      steps,
    };
  }

  #step(): ReplicationStep {
    const random = this.#random;
    const host = random.below(this.#hosts);
    const choices: Choices = [
      [16, () => ({ do: 'write', write: this.#write() })],
      [4, () => ({ do: 'start', host })],
      [0.4, () => ({ do: 'close', host })],
      [2, () => ({ do: 'sync', host })],
      [0.4, () => ({ do: 'jump', host, ms: random.pick([-7_200_000, -5_000, 3_000, 3_600_000]) })],
      [
        1,
        () => ({
          do: 'compact',
          side: random.pick(['source', 'source', 'target']),
          behind: random.pick([0, 0, 2, 10]),
        }),
      ],
    ];
    if (this.#hasNet) choices.push(...this.#netChoices(host));
    if (this.#hasKills)
      choices.push(
        [1.5, () => ({ do: 'kill', host })],
        [1.5, () => ({ do: 'kill', host, at: { messages: random.between(1, 8), turns: random.below(40) } })],
      );
    if (this.#hasStops)
      choices.push([
        2,
        () => ({
          do: 'stop',
          host,
          ms: random.pick([300, 1_500, 4_000, 12_000]),
          how: random.pick(['suspended', 'asleep']),
        }),
      ]);
    if (this.#hasOthers) choices.push([4, () => ({ do: 'foreign', write: this.#foreign() })]);
    if (this.#hasLeases) choices.push([0.7, () => ({ do: 'revoke', side: random.pick(['source', 'target']) })]);
    if (this.#losesRecords) choices.push([1, () => ({ do: 'delete-record' })]);
    if (this.#hasRestores)
      choices.push(
        [1.5, () => ({ do: 'snapshot' })],
        [
          1,
          () => ({
            do: 'restore',
            from: random.pick(['snapshot', 'snapshot', 'nothing']),
            identity: random.pick(['new', 'new', 'same']),
            writes: random.pick([0, 0, 3, 30]),
          }),
        ],
      );
    return random.weighted(choices)();
  }

  #netChoices(host: number): Choices {
    const random = this.#random;
    const side = (): Side => random.pick(['source', 'target', 'target']);
    return [
      [8, () => ({ do: 'net', host, side: side(), fault: netFault(this.#random, this.#hasRefusals) })],
      [3, () => ({ do: 'cut-after', host, side: side(), messages: random.between(1, 8) })],
      [
        1,
        () => ({
          do: 'reads',
          host,
          side: side(),
          count: random.between(1, 3),
          how: random.pick(['fail', 'hang', 'broken']),
        }),
      ],
      [1, () => ({ do: 'watches', host, how: random.pick(['unavailable', 'internal']) })],
      [3, () => ({ do: 'late-write', host, ms: random.pick([50, 400, 2_500, 7_000]) })],
    ];
  }

  #write(): SourceWrite {
    const random = this.#random;
    const choices: (readonly [number, () => SourceWrite])[] = [
      [6, () => ({ kind: 'put', key: random.pick(KEYS) })],
      [2, () => ({ kind: 'delete', key: random.pick(KEYS) })],
      [4, () => this.#txn()],
      [1.5, () => ({ kind: 'hand-over' })],
      [0.15, () => ({ kind: 'raw', byte: 0x80 + random.below(3) })],
    ];
    if (this.#hasLeases)
      choices.push([3, () => this.#leased()], [0.7, () => ({ kind: 'delete', key: random.pick(LEASED) })]);
    return random.weighted(choices)();
  }

  #leased(): SourceWrite {
    const random = this.#random;
    const [key, ttl, kept] = [random.pick(LEASED), random.between(1, 5), random.chance(0.6)];
    return { kind: 'leased', key, ttl, kept, shared: kept && ttl > 2 };
  }

  #txn(): SourceWrite {
    const random = this.#random;
    const keys = KEYS.filter(() => random.chance(random.pick([0.3, 0.6])));
    const deletes = keys.filter(() => random.chance(0.3));
    return { kind: 'txn', puts: keys.filter((key) => !deletes.includes(key)), deletes };
  }

  #foreign(): ForeignWrite {
    const random = this.#random;
    return {
      key: random.pick(random.chance(0.25) ? STRANGERS : ['k0', 'k1', 'k2', 'd/x', 'e/x', 'h', 'l0']),
      act: random.weighted([
        [4, 'put'],
        [1.5, 'equal'],
        [2, 'delete'],
      ] as const),
    };
  }
}
