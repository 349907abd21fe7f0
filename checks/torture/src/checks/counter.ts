import type { Violation } from '@holdfast/testkit';
import type { Epoch } from '../epoch.js';
import { COUNTER } from '../keys.js';
import type { Value } from '../values.js';

/** One cause loses or repeats many. */
const MOST_VIOLATIONS = 5;

/** What the counter's writer was told of its writes, by their numbers. */
export interface Counted {
  /** With the epoch that each was made in. */
  readonly acknowledged: ReadonlyMap<number, number>;
  readonly unknown: ReadonlySet<number>;
}

/**
 * *Applied once* (C7): no write is in a history twice, none that was said not to be applied is in it, and every one that was
 * acknowledged is.
 *
 * @param after what is wrong up to this revision was told before
 */
export function checkCounter(epoch: Epoch, after: number, { acknowledged, unknown }: Counted): Violation[] {
  const violations: Violation[] = [];
  const violated = (message: string) => {
    if (violations.length < MOST_VIOLATIONS) violations.push({ guarantee: 'applied once', message });
  };
  const applied = new Map<number, number>();
  for (const { revision, events } of epoch.steps) {
    for (const event of events) {
      if (event.type !== 'put' || event.current.key !== COUNTER) continue;
      const { n } = JSON.parse(Buffer.from(event.current.value).toString()) as Value;
      const before = applied.get(n);
      applied.set(n, revision);
      if (revision <= after) continue;
      if (before !== undefined) violated(`write ${n} was applied at ${before} and at ${revision}`);
      else if (!acknowledged.has(n) && !unknown.has(n))
        violated(`write ${n} was said not to be applied, and was, at ${revision}`);
    }
  }
  if (epoch.gaps.length > 0) return violations;
  for (const [n, index] of acknowledged) {
    if (index === epoch.index && !applied.has(n)) violated(`write ${n} was acknowledged, and is lost`);
  }
  return violations;
}
