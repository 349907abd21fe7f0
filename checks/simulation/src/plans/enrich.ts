import { KEYS, type NetFault, type Plan, type Step, type Sudden } from './plan.js';
import { Random } from './random.js';

// Another random sequence than the plan's own.
const SALT = 0x5eed_2a17;

/**
 * Adds faults to a world: members that lag behind, tokens that expire, a server that goes back behind connections that seem to stay up, and
 * events at any message and any await. It is separate from `generate`, so that the worlds of older seeds stay as they were.
 */
export function enrich(plan: Plan): Plan {
  return new Enricher(plan).plan();
}

class Enricher {
  readonly #plan: Plan;
  readonly #random: Random;
  readonly #members: number;
  readonly #hasAuth: boolean;
  readonly #hasSudden: boolean;
  readonly #keepsConnections: boolean;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#random = new Random(plan.seed ^ SALT);
    const random = this.#random;
    this.#members = random.chance(0.4) ? random.between(2, 3) : 1;
    this.#hasAuth = random.chance(0.25);
    this.#hasSudden = random.chance(0.5);
    this.#keepsConnections = random.chance(0.5);
  }

  plan(): Plan {
    const random = this.#random;
    const steps = this.#plan.steps.flatMap((step): Step[] => {
      const kept = step.do === 'restore' && this.#keepsConnections && random.chance(0.6);
      // Far enough back that the store stays behind the mirrors: if it overtook them unnoticed, nothing could show it.
      const own: Step = kept ? { ...step, identity: 'same', connections: 'kept', writes: [] } : step;
      if (step.do === 'wait') return [own];
      return [...this.#more(), own];
    });
    const watches = this.#plan.watches.map((watch) => ({ ...watch, resumes: random.chance(0.6) }));
    const mirrors = this.#plan.mirrors
      .map((mirror) => (random.chance(0.5) ? { ...mirror, fullResyncKeys: 0 } : mirror))
      .map((mirror) => (random.chance(0.5) ? { ...mirror, replayRevisions: random.below(3) } : mirror));
    return { ...this.#plan, members: this.#members, mirrors, watches, steps };
  }

  #more(): Step[] {
    const random = this.#random;
    const steps: Step[] = [];
    if (this.#members > 1 && random.chance(0.12))
      steps.push({ do: 'member', member: random.below(this.#members), act: random.pick(['lag', 'catch-up']) });
    if (this.#hasAuth && random.chance(0.1))
      steps.push({ do: 'net', client: this.#client(), fault: this.#authFault() });
    if (this.#hasSudden && random.chance(0.12))
      steps.push({
        do: 'at',
        client: this.#client(),
        messages: random.between(1, 12),
        turns: random.chance(0.3) ? 0 : random.below(40),
        then: this.#sudden(),
      });
    if (random.chance(0.05))
      steps.push({
        do: 'read',
        client: this.#client(),
        key: random.pick(KEYS as [string, ...string[]]),
        how: random.pick(['get', 'list', 'serializable']),
      });
    return steps;
  }

  #client(): number {
    return this.#random.below(this.#plan.clients);
  }

  #authFault(): NetFault {
    return this.#random.weighted<NetFault>([
      [3, 'expire'],
      [1, 'lock-out'],
      [1, 'deny'],
      [3, 'grant'],
    ]);
  }

  #sudden(): Sudden {
    const random = this.#random;
    return random.weighted<() => Sudden>([
      [3, () => ({ do: 'compact', behind: random.chance(0.7) ? 0 : random.below(3) })],
      [
        3,
        () => ({
          do: 'net',
          client: this.#client(),
          fault: random.pick(['reset', 'reset', 'reset', 'stall', 'silence', 'expire']),
        }),
      ],
      [
        4,
        () => ({
          do: 'mirror',
          index: random.below(3),
          act: random.pick(['close', 'close', 'close', 'abort', 'close-in-listener', 'sync', 'abort-sync', 'open']),
        }),
      ],
      [1, () => ({ do: 'watch', index: random.below(2), act: random.pick(['pause', 'close', 'abort', 'open']) })],
    ])();
  }
}
