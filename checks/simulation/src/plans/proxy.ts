import type { Plan, Step } from './plan.js';
import { Random } from './random.js';

// Another random sequence than those of the plan and of its other additions.
const SALT = 0x7c3b_55d1;

/** Adds, to some of the worlds, proxies between clients and the store that answer by themselves for a while. */
export function proxy(plan: Plan): Plan {
  const random = new Random(plan.seed ^ SALT);
  if (!random.chance(0.3)) return plan;
  const more = (): Step[] => {
    const client = random.below(plan.clients);
    if (random.chance(0.08)) return [{ do: 'net', client, fault: 'proxy-answers' }, ...cut(client)];
    return random.chance(0.12) ? [{ do: 'net', client, fault: 'proxy-passes' }] : [];
  };
  // Running requests continue, or the link is cut and everything is asked again.
  const cut = (client: number): Step[] => (random.chance(0.7) ? [{ do: 'net', client, fault: 'reset' }] : []);
  return { ...plan, steps: plan.steps.flatMap((step) => (step.do === 'wait' ? [step] : [...more(), step])) };
}
