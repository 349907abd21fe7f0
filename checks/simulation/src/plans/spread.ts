import { type Access, KEYS, type Plan, type Step, type Write } from './plan.js';
import { Random } from './random.js';

// Another random sequence than those of the plan and of its other additions.
const SALT = 0x0e4d_9017;

/**
 * Gives some of the worlds several endpoints, or one name in front of several members. Members go down, and a member that was bootstrapped
 * anew takes the place of one, mostly while the others are down.
 */
export function spread(plan: Plan): Plan {
  const random = new Random(plan.seed ^ SALT);
  if (!random.chance(0.35)) return plan;
  return new Spreader(plan, random).plan();
}

class Spreader {
  readonly #plan: Plan;
  readonly #random: Random;
  readonly #access: Access;
  readonly #members: number;

  constructor(plan: Plan, random: Random) {
    this.#plan = plan;
    this.#random = random;
    this.#access = random.chance(0.6) ? 'members' : 'balancer';
    // A world that already has several members keeps their number, because its steps name them.
    const members = random.weighted([
      [6, 3],
      [1, 2],
      [2, 1],
    ]);
    this.#members = Math.max(plan.members ?? 1, members);
  }

  plan(): Plan {
    const steps = this.#plan.steps.flatMap((step): Step[] => {
      if (step.do === 'wait') return [step];
      return [...this.#more(), step, ...(step.do === 'restore' ? this.#rolling() : [])];
    });
    return { ...this.#plan, access: this.#access, members: this.#members, steps };
  }

  #more(): Step[] {
    const random = this.#random;
    if (random.chance(0.06)) return this.#takeover();
    if (!random.chance(0.08)) return [];
    const place = random.below(this.#members);
    return random.weighted<() => Step[]>([
      [2, () => [{ do: 'place', place, answers: 'nobody' }]],
      [4, () => [{ do: 'place', place, answers: 'member' }]],
      [1, () => [this.#foreign(place)]],
    ])();
  }

  /** A foreign member answers while the others are down, and clients write. The others come back, and then the foreign one goes. */
  #takeover(): Step[] {
    const random = this.#random;
    const foreign = random.below(this.#members);
    const others = Array.from({ length: this.#members }, (_, place) => place).filter((place) => place !== foreign);
    const down = others.filter(() => random.chance(0.85));
    const writes = Array.from({ length: random.below(4) }, (): Step => ({
      do: 'write',
      client: random.below(this.#plan.clients),
      write: this.#put(),
    }));
    const back: Step[] = random.chance(0.7) ? [{ do: 'place', place: foreign, answers: 'member' }] : [];
    return [
      this.#foreign(foreign),
      ...down.map((place): Step => ({ do: 'place', place, answers: 'nobody' })),
      { do: 'wait', ms: random.between(100, random.pick([1_000, 5_000, 20_000])) },
      ...writes,
      { do: 'wait', ms: random.between(0, 2_000) },
      ...down.map((place): Step => ({ do: 'place', place, answers: 'member' })),
      { do: 'wait', ms: random.between(0, 3_000) },
      ...back,
    ];
  }

  /** After a restore, the members come up one after another. */
  #rolling(): Step[] {
    const random = this.#random;
    const late = Array.from({ length: this.#members }, (_, place) => place).filter(() => random.chance(0.5));
    return [
      ...late.map((place): Step => ({ do: 'place', place, answers: 'nobody' })),
      ...late.flatMap((place): Step[] => [
        { do: 'wait', ms: random.between(0, 2_000) },
        { do: 'place', place, answers: 'member' },
      ]),
    ];
  }

  #foreign(place: number): Step {
    const random = this.#random;
    const count = random.chance(0.4) ? 0 : random.between(1, random.pick([5, 60]));
    return { do: 'place', place, answers: 'foreign', writes: Array.from({ length: count }, () => this.#put()) };
  }

  #put(): Write {
    return { kind: 'put', key: this.#random.pick(KEYS as [string, ...string[]]), value: 'good' };
  }
}
