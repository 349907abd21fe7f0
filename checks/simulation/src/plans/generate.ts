import { enrich } from './enrich.js';
import { fork } from './fork.js';
import { proxy } from './proxy.js';
import { restart } from './restart.js';
import { spread } from './spread.js';
import { fewerStorms, storm } from './storm.js';
import {
  KEYS,
  LIMITS,
  type MirrorPlan,
  type NetFault,
  type Plan,
  PREFIX,
  SPARED,
  type Step,
  type WatchPlan,
  type Write,
} from './plan.js';
import { Random } from './random.js';

/** Which worlds a seed stands for. Each but the seventh has more in it than the one before; older ones are kept for what was found in them. */
export type Generation = (typeof GENERATIONS)[number];

export const GENERATIONS = [1, 2, 3, 4, 5, 6, 7] as const;
export const NEWEST = 7 satisfies Generation;

/** A world for a seed: anything that may happen to mirrors, in an order that nobody thought of. */
export function generate(seed: number, generation: Generation = NEWEST): Plan {
  const plan = new Generator(seed).plan();
  if (generation === 1) return plan;
  if (generation === 2) return enrich(plan);
  const third = proxy(spread(enrich(plan)));
  if (generation === 3) return third;
  const fourth = storm(third);
  if (generation === 4) return fourth;
  const fifth = fork(fourth);
  if (generation === 5) return fifth;
  const sixth = restart(fifth);
  return generation === 6 ? sixth : fewerStorms(sixth);
}

const MANY_KEYS = Array.from({ length: 40 }, (_, index) => `${PREFIX}routes/m${index}`);
const PREFIXES = [`${PREFIX}routes/`, `${PREFIX}upstreams/`, `${PREFIX}routes/m`] as const;

class Generator {
  readonly #seed: number;
  readonly #random: Random;
  readonly #backend: 'v3' | 'v2';
  readonly #clients: number;
  // Not every world has everything: what is rare elsewhere happens often in some.
  readonly #hasRestores: boolean;
  readonly #hasJumps: boolean;
  readonly #isCalm: boolean;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed);
    const random = this.#random;
    this.#backend = random.chance(0.7) ? 'v3' : 'v2';
    this.#clients = random.between(1, 3);
    this.#hasRestores = random.chance(0.4);
    this.#hasJumps = random.chance(0.15);
    this.#isCalm = random.chance(0.25);
  }

  plan(): Plan {
    const random = this.#random;
    const mirrors = Array.from({ length: random.between(1, 3) }, () => this.#mirror());
    const watches = Array.from({ length: random.between(0, 2) }, () => this.#watch());
    const length = random.between(20, 70);
    const steps: Step[] = [];
    for (let n = random.between(0, 4); n > 0; n--) steps.push({ do: 'write', client: undefined, write: this.#write() });
    if (random.chance(0.9)) steps.push({ do: 'wait', ms: random.between(0, 200) });
    for (let n = 0; n < length; n++) {
      steps.push(this.#step());
      if (random.chance(0.7)) steps.push({ do: 'wait', ms: this.#pause() });
    }
    return { seed: this.#seed, backend: this.#backend, clients: this.#clients, mirrors, watches, steps };
  }

  #mirror(): MirrorPlan {
    const random = this.#random;
    const isLazy = random.chance(0.25);
    return {
      client: random.below(this.#clients),
      kind: random.pick(['whole', 'routes', 'collections', 'collections', 'key']),
      decode: isLazy ? 'lazy' : 'eager',
      ...(isLazy && random.chance(0.5) ? { cacheSize: random.between(1, 4) } : {}),
      ...(random.chance(0.15) ? { auditEveryMs: random.between(200, 3_000) } : {}),
      ...(random.chance(0.3) ? { debounceMs: random.between(5, 500) } : {}),
      ...(random.chance(0.2) ? { iterateMs: random.between(1, 400) } : {}),
      listeners: random.chance(0.15) ? 'throwing' : 'well-behaved',
    };
  }

  #watch(): WatchPlan {
    const random = this.#random;
    return {
      client: random.below(this.#clients),
      prefix: random.pick([PREFIX, `${PREFIX}routes/`, '']),
      ...(random.chance(0.15) ? { only: random.pick(['put', 'delete']) } : {}),
      ...(random.chance(0.5) ? { bufferBytes: random.between(100, 2_000) } : {}),
    };
  }

  #pause(): number {
    const random = this.#random;
    return random.weighted([
      [6, random.between(0, 10)],
      [5, random.between(10, 150)],
      [2, random.between(100, 1_000)],
      [0.6, random.between(1_000, 6_000)],
    ]);
  }

  #client(): number {
    return this.#random.below(this.#clients);
  }

  #step(): Step {
    const random = this.#random;
    const faults = this.#isCalm ? 0.3 : 1;
    return random.weighted<() => Step>([
      [10, () => ({ do: 'write', client: random.chance(0.5) ? this.#client() : undefined, write: this.#write() })],
      [3 * faults, () => ({ do: 'net', client: this.#client(), fault: this.#fault() })],
      [3 * faults, () => ({ do: 'net', client: this.#client(), fault: 'heal' })],
      [faults, () => ({ do: 'cut-after', client: this.#client(), messages: random.between(1, 8) })],
      [
        0.8 * faults,
        () => ({
          do: 'reads',
          client: this.#client(),
          count: random.between(1, 5),
          how: random.pick(['fail', 'hang', 'broken']),
        }),
      ],
      [
        0.4 * faults,
        () => ({ do: 'watches', client: this.#client(), how: random.pick(['unavailable', 'internal', 'unavailable']) }),
      ],
      [1.2 * faults, () => ({ do: 'compact', behind: random.chance(0.6) ? 0 : random.below(5) })],
      [0.5, () => ({ do: 'snapshot' })],
      [this.#hasRestores ? 0.8 : 0, () => this.#restore()],
      [
        this.#hasJumps ? 0.6 : 0,
        () => ({ do: 'jump', client: this.#client(), ms: random.pick([1, -1]) * 10 ** random.between(2, 7) }),
      ],
      [0.3, () => ({ do: 'lease', act: random.pick(['keep-alive', 'revoke']) })],
      [
        1.6,
        () => ({
          do: 'mirror',
          index: random.below(3),
          act: random.pick([
            'sync',
            'sync',
            'sync',
            'wait-for',
            'abort-sync',
            'close',
            'abort',
            'open',
            'open',
            'open',
          ]),
        }),
      ],
      [
        0.8,
        () => ({
          do: 'watch',
          index: random.below(2),
          act: random.pick(['pause', 'pause', 'resume', 'resume', 'close', 'abort', 'open', 'open']),
        }),
      ],
    ])();
  }

  #fault(): NetFault {
    const random = this.#random;
    return random.weighted<NetFault>([
      [3, 'cut'],
      [3, 'reset'],
      [2, 'silence'],
      [2, 'stall'],
      [1, 'lose-answers'],
      [1, 'slow'],
      [0.3, 'deny'],
    ]);
  }

  #write(): Write {
    const random = this.#random;
    const key = random.pick(KEYS as [string, ...string[]]);
    return random.weighted<() => Write>([
      [
        8,
        () => ({
          kind: 'put',
          key,
          value: random.weighted([
            [6, 'good'],
            [1, 'unreadable'],
            [1, 'invalid'],
          ]),
          ...(random.chance(0.08) ? { ttl: random.between(1, 4) } : {}),
        }),
      ],
      [3, () => ({ kind: 'delete', key })],
      [0.6, () => ({ kind: 'delete-prefix', prefix: random.pick(PREFIXES) })],
      [4, () => this.#txn()],
      [1, () => ({ kind: 'guarded', key, guard: random.pick(['absent', 'present']) })],
      [0.2, () => ({ kind: 'raw', byte: random.between(0xf8, 0xff) })],
    ])();
  }

  #txn(): Write {
    const random = this.#random;
    const all = random.chance(0.08) ? [...KEYS, ...MANY_KEYS] : KEYS;
    const share = random.next();
    const puts = all.filter(() => random.chance(share));
    const deletes = all.filter((key) => !puts.includes(key) && random.chance(0.15));
    return puts.length + deletes.length === 0
      ? { kind: 'put', key: LIMITS, value: 'good' }
      : { kind: 'txn', puts, deletes };
  }

  /**
   * A history whose newest keys are known to nobody: without them, two histories of the same length and with the same newest
   * entry can't be told apart, which is what the documentation says.
   */
  #restore(): Step {
    const random = this.#random;
    const markers = ['routes/', 'upstreams/', ''].map((part): Write => ({
      kind: 'put',
      key: `${PREFIX}${part}${SPARED}${random.below(3)}`,
      value: 'good',
    }));
    const more = random.chance(0.5) ? random.below(6) : random.below(60);
    return {
      do: 'restore',
      from: random.chance(0.75) ? 'snapshot' : 'nothing',
      identity: random.chance(0.6) ? 'same' : 'new',
      writes: random.chance(0.2) ? [] : [...markers, ...Array.from({ length: more }, () => this.#write())],
    };
  }
}
