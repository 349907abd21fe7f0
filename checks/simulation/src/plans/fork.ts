import { type Plan, PREFIX, type Step, type Write } from './plan.js';
import { Random } from './random.js';

// Another sequence than those of the plan, and of what else is added to it.
const SALT = 0x3f0a_6b91;

const FORKED = `${PREFIX}routes/forked`;
const SHARED = `${PREFIX}routes/shared`;
const ELSEWHERE = '/elsewhere/forked';

/**
 * The same world, in a third of the worlds with a store that is put back to where it was a moment ago, under the same ids, and has
 * another history of the same length since then, which ends in the same event: a delete carries no more than its key. Not where mirrors
 * load in pieces: those may then be of both histories, as the documentation says.
 */
export function fork(plan: Plan): Plan {
  const random = new Random(plan.seed ^ SALT);
  if (plan.compactEveryMs !== undefined || !random.chance(1 / 3)) return plan;
  const steps = [...plan.steps];
  for (let more = random.between(1, 3); more > 0; more--) {
    steps.splice(random.below(steps.length + 1), 0, ...forked(random));
  }
  return { ...plan, steps };
}

function forked(random: Random): readonly Step[] {
  const put = (key: string): Write => ({ kind: 'put', key, value: 'good' });
  const name = `${FORKED}${random.below(4)}`;
  const count = random.pick([0, 0, 1, 5, 80]);
  const between = Array.from({ length: count }, (_, index): Write => ({
    kind: 'delete',
    key: `${SHARED}${index}`,
  }));
  const one: readonly Write[] = [put(name), ...between, { kind: 'delete', key: SHARED }];
  // The same key with another value, or another key in its place, of this range or not.
  const other = random.pick([name, name, `${FORKED}-other`, ELSEWHERE, ELSEWHERE]);
  const wait = (): Step => ({ do: 'wait', ms: random.pick([0, 20, 300, 3_000]) });
  const write = (each: Write): Step => ({ do: 'write', client: undefined, write: each });
  const isNew = random.chance(0.5);
  return [
    ...(isNew ? [write({ kind: 'delete', key: name })] : [write(put(name))]),
    write({ kind: 'txn', puts: [SHARED, ...between.map(keyOf)], deletes: [] }),
    wait(),
    { do: 'snapshot' },
    ...one.map(write),
    wait(),
    {
      do: 'restore',
      from: 'snapshot',
      identity: 'same',
      writes: [put(other), ...one.slice(1), ...(random.chance(0.7) ? [put(`${FORKED}-later`)] : [])],
    },
    wait(),
  ];
}

function keyOf(write: Write): string {
  return 'key' in write ? write.key : '';
}
