import type { Violation } from '@holdfast/testkit';
import type { Failure } from './campaign-result.js';
import type { Plan, Step } from '../plans/plan.js';
import type { RunOptions } from '../run-options.js';
import { runPlan } from '../world/world.js';

// Each try runs a world. More tries hardly make a trace shorter.
const MOST_TRIES = 600;

/** A plan of steps, with what it broke. */
interface Broken<P> {
  readonly plan: P;
  readonly violations: readonly Violation[];
}

/** How the plans of one kind of worlds get smaller. */
export interface Shrinking<P extends { readonly steps: readonly unknown[] }> {
  readonly run: (plan: P) => Promise<{ readonly violations: readonly Violation[] }>;
  readonly size: (plan: P) => number;
  /** The plan with less beside its steps. */
  readonly lessBesides: (plan: P) => readonly P[];
  /** Simpler steps to take a step's place. */
  readonly simpler: (step: P['steps'][number] | undefined) => readonly P['steps'][number][];
}

/** A smaller plan that breaks the same promise: fewer steps, mirrors and watches, shorter waits. */
export function shrink(failure: Failure, options: RunOptions = {}): Promise<Failure> {
  return shrinkBy(failure, { run: (plan) => runPlan(plan, options), size, lessBesides, simpler });
}

/** A smaller plan that breaks the same promise. */
export async function shrinkBy<P extends { readonly steps: readonly unknown[] }, F extends Broken<P>>(
  failure: F,
  { run, size: sizeOf, lessBesides: less, simpler: simplerThan }: Shrinking<P>,
): Promise<F> {
  const guarantee = failure.violations[0]?.guarantee;
  let best = failure;
  let tries = 0;
  const fails = async (plan: P): Promise<boolean> => {
    if (tries >= MOST_TRIES) return false;
    tries += 1;
    const { violations } = await run(plan);
    if (violations[0]?.guarantee !== guarantee) return false;
    best = { ...failure, plan, violations };
    return true;
  };
  for (let before = Infinity; sizeOf(best.plan) < before && tries < MOST_TRIES;) {
    before = sizeOf(best.plan);
    for (const plan of less(best.plan)) await fails(plan);
    for (let length = Math.ceil(best.plan.steps.length / 2); length >= 1; length = Math.floor(length / 2)) {
      for (let start = 0; start < best.plan.steps.length;) {
        const steps = best.plan.steps.filter((_, index) => index < start || index >= start + length);
        if (!(await fails({ ...best.plan, steps }))) start += length;
      }
    }
    for (let index = 0; index < best.plan.steps.length; index++) {
      for (const step of simplerThan(best.plan.steps[index])) {
        const steps = best.plan.steps.map((each, other) => (other === index ? step : each));
        if (await fails({ ...best.plan, steps })) break;
      }
    }
  }
  return best;
}

function size({ steps, mirrors, watches }: Plan): number {
  return JSON.stringify([steps, mirrors, watches]).length;
}

function lessBesides(plan: Plan): Plan[] {
  return [
    ...plan.watches.map((_, index) => ({ ...plan, watches: plan.watches.filter((__, other) => other !== index) })),
    ...(plan.mirrors.length < 2 ? [] : plan.mirrors.map((mirror) => ({ ...plan, mirrors: [mirror] }))),
    ...plan.mirrors.map((_, index) => ({
      ...plan,
      mirrors: plan.mirrors.map(({ client, kind, decode, listeners }, other) =>
        other === index
          ? { client, kind, decode, listeners }
          : (plan.mirrors[other] ?? { client, kind, decode, listeners }),
      ),
    })),
  ];
}

function simpler(step: Step | undefined): Step[] {
  if (step?.do === 'wait' && step.ms > 1)
    return [
      { ...step, ms: 1 },
      { ...step, ms: Math.ceil(step.ms / 2) },
    ];
  if (step?.do === 'restore' && step.writes.length > 0)
    return [
      { ...step, writes: [] },
      { ...step, writes: step.writes.slice(0, Math.floor(step.writes.length / 2)) },
      { ...step, writes: step.writes.slice(1) },
    ];
  if (step?.do === 'write' && step.write.kind === 'txn') {
    const { puts, deletes } = step.write;
    return [
      { ...step, write: { kind: 'txn', puts: puts.slice(0, 1), deletes: [] } },
      { ...step, write: { kind: 'txn', puts, deletes: [] } },
      { ...step, write: { kind: 'txn', puts: puts.slice(0, Math.ceil(puts.length / 2)), deletes } },
    ];
  }
  return [];
}
