import { after, before, describe, test } from 'node:test';
import type { ConformanceBackend } from './conformance/backend.js';
import { ConformanceRun, type DescribeConformanceOptions } from './conformance/binding.js';
import { conformanceGroups } from './conformance/index.js';

// The one place where the suite meets Node's own test runner.

export type { DescribeConformanceOptions } from './conformance/binding.js';

/**
 * Makes a test of every case of the conformance suite, for one backend, in `node:test`. The binding is made before the first case and closed
 * after the last. A case that the declared capabilities or the binding's hooks rule out is shown as skipped, with the reason.
 *
 * @param name what the report calls the backend, such as `my-store@1.4`
 */
export function describeConformance(
  name: string,
  makeBackend: () => Promise<ConformanceBackend> | ConformanceBackend,
  options: DescribeConformanceOptions = {},
): void {
  const run = new ConformanceRun(name, makeBackend, options);
  const { timeoutMs: timeout } = run;
  // Cases must run one after another, whatever the command says.
  const oneByOne = { concurrency: false };
  void describe(`${name} conforms to the contract`, oneByOne, () => {
    before(() => run.start(), { timeout });
    after(() => run.finish());
    for (const { subject, cases } of conformanceGroups) {
      void describe(subject, oneByOne, () => {
        for (const each of cases) {
          void test(`${each.id}: ${each.title}`, { timeout }, async (context) => {
            const { outcome } = await run.run(each);
            if (outcome.status === 'skipped') context.skip(outcome.reason);
          });
        }
      });
    }
  });
}
