import type { Arena } from './arena.js';
import type { Plan, Step } from './plan.js';
import { runPlan, type Difference } from './run-plan.js';
import { WHOLE_STORE } from './plan.js';

export interface ShrinkOptions {
  /** Ends the search for something smaller. Default: a minute. */
  readonly mostMs?: number;
}

/** A smaller plan whose stores differ in the same way: fewer steps, no views, fewer options. */
export async function shrink(
  arena: Arena,
  plan: Plan,
  difference: Difference,
  options: ShrinkOptions = {},
): Promise<Plan> {
  const ends = performance.now() + (options.mostMs ?? 60_000);
  // Nothing after the difference matters.
  let best: Plan = { ...plan, steps: plan.steps.slice(0, difference.at + 1) };
  const differs = async (steps: readonly Step[]): Promise<boolean> => {
    if (performance.now() > ends) return false;
    const smaller = { ...plan, steps };
    const { difference: found } = await runPlan(arena, smaller);
    if (found?.what !== difference.what) return false;
    best = smaller;
    return true;
  };
  for (let before = Infinity; sizeOf(best) < before;) {
    before = sizeOf(best);
    for (let length = Math.ceil(best.steps.length / 2); length >= 1; length = Math.floor(length / 2)) {
      for (let start = best.steps.length - length; start >= 0; start -= length) {
        await differs(best.steps.filter((_step, index) => index < start || index >= start + length));
        start = Math.min(start, best.steps.length);
      }
    }
    for (let index = 0; index < best.steps.length; index += 1) {
      for (const simpler of simplerSteps(best.steps[index])) {
        if (await differs(best.steps.map((step, other) => (other === index ? simpler : step)))) break;
      }
    }
  }
  return best;
}

function sizeOf({ steps }: Plan): number {
  return JSON.stringify(steps, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value)).length;
}

/** The step without its view, and with one part of its arguments less. */
function simplerSteps(step: Step | undefined): readonly Step[] {
  if (step?.do !== 'call' && step?.do !== 'watch') return [];
  const { view, args } = step;
  return [
    ...(view === WHOLE_STORE ? [] : [{ ...step, view: WHOLE_STORE }]),
    ...(step.do === 'watch' && step.patient ? [{ ...step, patient: false }] : []),
    ...args.flatMap((arg, index) =>
      less(arg).map((part) => ({ ...step, args: args.map((each, other) => (other === index ? part : each)) })),
    ),
  ];
}

/** The value with one of its parts less, or with a part that has less itself. */
function less(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) {
    const parts = value as readonly unknown[];
    return parts.flatMap((part, index) => [
      parts.filter((_part, other) => other !== index),
      ...less(part).map((smaller) => parts.map((each, other) => (other === index ? smaller : each))),
    ]);
  }
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype || '$' in value)
    return [];
  const fields = Object.entries(value);
  return fields.flatMap(([name, part]) => [
    Object.fromEntries(fields.filter(([other]) => other !== name)),
    ...less(part).map((smaller) => ({ ...value, [name]: smaller })),
  ]);
}
