import { closeAll } from './close-all.js';
import { Compactor } from './compactor.js';
import { converge } from './converge.js';
import { judge } from './judge.js';
import type { Convergence, Outcome } from './outcome.js';
import { Parts } from './parts.js';
import type { Plan } from '../plans/plan.js';
import { startRecording } from '../truth/recording.js';
import type { RunOptions } from '../run-options.js';
import { Steps } from './steps.js';
import { haveTwins } from '../checks/twins.js';
import { noRejectionUnhandled } from './unhandled.js';

/** Runs a plan in a world of its own. The same plan gives the same outcome, always. */
export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<Outcome> {
  return new World(plan, options).run();
}

class World {
  readonly #parts: Parts;
  readonly #steps: Steps;
  #convergence: Convergence | undefined;

  constructor(plan: Plan, options: RunOptions) {
    this.#parts = new Parts(plan, options);
    this.#steps = new Steps(this.#parts);
  }

  async run(): Promise<Outcome> {
    const { violations, truth, mirrors, trace, stats, faults } = this.#parts;
    await noRejectionUnhandled(violations, () => this.#live());
    const layouts = mirrors.map(({ layout }) => layout);
    const isSetAside = !violations.areNone && haveTwins(truth.epochs, layouts);
    if (isSetAside) trace?.('set aside: two of its histories can not be told apart');
    return {
      violations: isSetAside ? [] : violations.all,
      isSetAside,
      stats,
      faults: faults.toRecord(),
      ...(this.#convergence === undefined ? {} : { convergence: this.#convergence }),
    };
  }

  async #live(): Promise<void> {
    const { plan, clock, data, truth, mirrors, watches, violations, stats } = this.#parts;
    const recording = await startRecording(data);
    await truth.begin();
    const compactor = this.#startCompactor();
    const began = clock.now;
    for (const mirror of mirrors) mirror.open();
    for (const watch of watches) watch.open();
    clock.onFired = () => {
      for (const mirror of mirrors) mirror.look('between two events');
    };
    for (const step of plan.steps) {
      stats.steps += 1;
      await this.#steps.do(step);
      await clock.settle();
      if (!violations.areNone) break;
    }
    if (violations.areNone) {
      this.#steps.end();
      this.#convergence = await converge(this.#parts);
    }
    clock.onFired = () => undefined;
    compactor?.stop();
    await closeAll(this.#parts);
    if (violations.areNone) await judge(this.#parts, recording);
    await data.close();
    this.#gatherStats(began);
  }

  #startCompactor(): Compactor | undefined {
    const { plan, data, clock, server, faults } = this.#parts;
    if (plan.compactEveryMs === undefined) return undefined;
    return new Compactor(plan.compactEveryMs, { data, clock, server, count: faults.add });
  }

  #gatherStats(began: number): void {
    const { stats, clock, clients, mirrors, watches } = this.#parts;
    const sum = (figures: readonly number[]) => figures.reduce((total, figure) => total + figure, 0);
    stats.timers = clock.fired;
    stats.elapsedMs = clock.now - began;
    stats.messages = sum(clients.map(({ link }) => link.messages));
    for (const name of ['events', 'looks', 'states', 'syncs', 'resyncs'] as const)
      stats[name] = sum(mirrors.map((mirror) => mirror[name]));
    stats.batches = sum(watches.map(({ batches }) => batches));
    stats.watchEvents = sum(watches.map(({ events }) => events));
  }
}
