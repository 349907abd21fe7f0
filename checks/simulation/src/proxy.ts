import type { Plan, Step } from './plan.js';
import { Random } from './random.js';

// Another sequence than those of the plan, and of what else is added to it.
const SALT = 0x7c3b_55d1;

/** The same world, in a part of the worlds with proxies between clients and the store that answer by themselves for a while. */
export function proxy(plan: Plan): Plan {
  const random = new Random(plan.seed ^ SALT);
  if (!random.chance(0.3)) return plan;
  const more = (): Step[] => {
    const client = random.below(plan.clients);
    if (random.chance(0.08)) return [{ do: 'net', client, fault: 'proxy-answers' }, ...cut(client)];
    return random.chance(0.12) ? [{ do: 'net', client, fault: 'proxy-passes' }] : [];
  };
  // What is under way goes on, or is cut off: then everything is asked anew.
  const cut = (client: number): Step[] => (random.chance(0.7) ? [{ do: 'net', client, fault: 'reset' }] : []);
  return { ...plan, steps: plan.steps.flatMap((step) => (step.do === 'wait' ? [step] : [...more(), step])) };
}
