import { afterAll, beforeAll, describe, test } from 'vitest';
import type { ConformanceBackend } from './conformance/backend.js';
import { ConformanceRun, type DescribeConformanceOptions } from './conformance/binding.js';
import { conformanceGroups } from './conformance/index.js';

// The one place where the suite meets Vitest.

export type { DescribeConformanceOptions } from './conformance/binding.js';

/**
 * Makes a Vitest test of every case of the conformance suite, for one backend. The binding is made before the first case and closed after
 * the last. A case that the declared capabilities or the binding's hooks rule out is shown as skipped, with the reason.
 *
 * @param name what the report calls the backend, such as `my-store@1.4`
 */
export function describeConformance(
  name: string,
  makeBackend: () => Promise<ConformanceBackend> | ConformanceBackend,
  options: DescribeConformanceOptions = {},
): void {
  const run = new ConformanceRun(name, makeBackend, options);
  const { timeoutMs } = run;
  // Cases must run one after another, whatever the configuration says.
  describe.sequential(`${name} conforms to the contract`, () => {
    beforeAll(() => run.start(), timeoutMs);
    afterAll(() => run.finish());
    for (const { subject, cases } of conformanceGroups) {
      describe.sequential(subject, () => {
        for (const each of cases) {
          test(
            `${each.id}: ${each.title}`,
            async ({ skip }) => {
              const { outcome } = await run.run(each);
              if (outcome.status === 'skipped') skip(outcome.reason);
            },
            timeoutMs,
          );
        }
      });
    }
  });
}
