import { afterAll, beforeAll, describe, test } from '@jest/globals';
import type { ConformanceBackend } from './conformance/backend.js';
import { ConformanceRun, type DescribeConformanceOptions } from './conformance/binding.js';
import { conformanceCases, conformanceGroups } from './conformance/index.js';

// The one place where the suite meets Jest.

export type { DescribeConformanceOptions } from './conformance/binding.js';

/**
 * Makes a Jest test of every case of the conformance suite, for one backend. The binding is made before the first case and
 * closed after the last. A case that the declared capabilities or the binding's hooks rule out is shown as skipped.
 *
 * How many were run, and which were not, is appended as one line of JSON to the file named by the environment variable
 * `HOLDFAST_CONFORMANCE_REPORT`, if it is set:
 * `{ "backend": "etcd-v3@3.5.30", "cases": 201, "skipped": 9, "skippedCases": { "C15.…": "capability leases is true" } }`.
 * `C15` is a section of `docs/contract.md`. For a report to publish, set the option `report`.
 *
 * @param name what the report calls the backend, such as `etcd-v3@3.5.30`
 */
export function describeConformance(
  name: string,
  makeBackend: () => Promise<ConformanceBackend> | ConformanceBackend,
  options: DescribeConformanceOptions = {},
): void {
  const run = new ConformanceRun(name, makeBackend, options);
  const { timeoutMs } = run;
  const block = `${name} conforms to the contract`;
  describe(block, () => {
    beforeAll(async () => {
      await run.start();
      const skipped = conformanceCases.filter((each) => run.whySkipped(each) !== undefined);
      // Only now is it known which cases don't apply, and Jest has no call to skip a test that was defined. Its runner looks at each
      // test's mode when its turn comes.
      for (const entry of testsIn(block)) {
        const found = skipped.find(({ id }) => entry.name.startsWith(`${id}: `));
        if (found === undefined) continue;
        await run.run(found);
        entry.mode = 'skip';
      }
    }, timeoutMs);

    afterAll(() => run.finish());

    for (const { subject, cases } of conformanceGroups) {
      describe(subject, () => {
        for (const each of cases) {
          test(
            `${each.id}: ${each.title}`,
            async () => {
              await run.run(each);
            },
            timeoutMs,
          );
        }
      });
    }
  });
}

/** A test, or a block of them, as Jest's runner (jest-circus) keeps it. */
interface Entry {
  readonly name: string;
  mode?: string | null | undefined;
  readonly children?: readonly Entry[];
}

/**
 * All tests of a block. A file may have blocks for other backends beside it, whose tests are no matter of this one. None with another runner
 * than Jest's own: skipped cases pass there.
 */
function testsIn(name: string): Entry[] {
  const key = Object.getOwnPropertySymbols(globalThis).find(({ description }) => description === 'JEST_STATE_SYMBOL');
  const state = key && (globalThis as unknown as Record<symbol, { rootDescribeBlock?: Entry } | undefined>)[key];
  const blocks = (entry: Entry): Entry[] =>
    entry.name === name ? [entry] : (entry.children ?? []).flatMap((child) => blocks(child));
  const leaves = (entry: Entry): Entry[] =>
    entry.children === undefined ? [entry] : entry.children.flatMap((child) => leaves(child));
  return state?.rootDescribeBlock === undefined ? [] : blocks(state.rootDescribeBlock).flatMap(leaves);
}
