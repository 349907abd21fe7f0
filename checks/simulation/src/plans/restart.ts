import type { MirrorPlan, Plan, SnapshotPlan, Step, Sudden } from './plan.js';
import { Random } from './random.js';

// Another sequence than those of the plan, and of what else is added to it.
const SALT = 0x2b8e_41d7;

/**
 * The same world, in two fifths of the worlds with mirrors that keep snapshots, processes that die and are started again, and disks that are
 * slow, full or read-only. While a process is down, its store may be cut off, wiped, restored, compacted, or written to.
 */
export function restart(plan: Plan): Plan {
  const random = new Random(plan.seed ^ SALT);
  return random.chance(0.4) ? new Restarts(plan, random).plan() : plan;
}

class Restarts {
  readonly #plan: Plan;
  readonly #random: Random;
  readonly #hasBadDisks: boolean;
  readonly #hasDisasters: boolean;

  constructor(plan: Plan, random: Random) {
    this.#plan = plan;
    this.#random = random;
    this.#hasBadDisks = random.chance(0.3);
    this.#hasDisasters = random.chance(0.4);
  }

  plan(): Plan {
    const random = this.#random;
    const mirrors = this.#plan.mirrors.map((mirror): MirrorPlan =>
      random.chance(0.85) ? { ...mirror, snapshot: this.#snapshot() } : mirror,
    );
    const steps = this.#plan.steps.flatMap((step): Step[] => (step.do === 'wait' ? [step] : [...this.#more(), step]));
    return { ...this.#plan, mirrors, steps };
  }

  #snapshot(): SnapshotPlan {
    const random = this.#random;
    return {
      place: random.chance(0.8) ? 'file' : 'copies',
      afterMs: random.pick([0, 0, 100, 2_000, 4_000]),
      saveMs: random.pick([40, 200, 1_000, 2_000]),
    };
  }

  #more(): Step[] {
    const random = this.#random;
    const steps: Step[] = [];
    if (random.chance(0.06)) steps.push(...this.#death());
    if (random.chance(0.04)) {
      const { client, downMs, how } = this.#die();
      const then: Sudden = { do: 'die', client, downMs, how };
      steps.push({ do: 'at', client, messages: random.between(1, 8), turns: random.below(60), then });
    }
    if (this.#hasBadDisks && random.chance(0.12)) {
      const mood = random.pick(['works', 'works', 'works', 'slow', 'full', 'read-only'] as const);
      steps.push({ do: 'disk', index: random.below(3), mood });
    }
    return steps;
  }

  #die(): Extract<Step, { do: 'die' }> {
    const random = this.#random;
    return {
      do: 'die',
      client: random.below(this.#plan.clients),
      how: random.chance(0.75) ? 'killed' : 'power-failure',
      downMs: random.chance(0.4) ? 0 : random.below(random.pick([50, 1_000, 12_000])),
    };
  }

  /** A death; and in some worlds what happens to the store meanwhile. */
  #death(): Step[] {
    const random = this.#random;
    const death = this.#die();
    const { client } = death;
    const wait = (): Step => ({ do: 'wait', ms: random.pick([0, 20, 300, 3_000, 6_000]) });
    const cut: Step[] = random.chance(0.5) ? [{ do: 'net', client, fault: 'cut' }] : [];
    const back: Step[] = random.chance(0.8) ? [wait(), { do: 'net', client, fault: 'heal' }] : [];
    const before: Step[] = random.chance(0.4) ? [{ do: 'snapshot' }, wait()] : [];
    return [...before, death, ...cut, ...(this.#hasDisasters && random.chance(0.5) ? this.#disaster() : []), ...back];
  }

  /** The store is wiped or restored. By its markers, nobody takes the new history for the old one. */
  #disaster(): Step[] {
    const random = this.#random;
    const marker = (): Step => ({
      do: 'write',
      client: undefined,
      write: { kind: 'put', key: `/app/${random.pick(['routes/', ''])}~${random.below(3)}`, value: 'good' },
    });
    const writes = Array.from({ length: random.pick([0, 2, 40]) }, (_, index) => ({
      kind: 'put' as const,
      // In one world of two, another prefix is written to: then the store gets ahead with few keys.
      key: random.chance(0.5) ? `/elsewhere/${index}` : `/app/routes/${random.pick(['a', 'b', 'c', 'd'])}`,
      value: 'good' as const,
    }));
    return [
      {
        do: 'restore',
        from: random.chance(0.6) ? 'snapshot' : 'nothing',
        identity: random.chance(0.6) ? 'same' : 'new',
        writes,
      },
      ...(random.chance(0.5) ? [marker()] : []),
      ...(random.chance(0.3) ? [{ do: 'compact', behind: random.below(3) } as const] : []),
    ];
  }
}
