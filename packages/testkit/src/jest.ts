import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import type { Capabilities } from '@holdfast/store';
import { checkFunction, checkOptions, checkText } from './check.js';
import type { ConformanceBackend } from './conformance/backend.js';
import { whySkipped, type ConformanceCase } from './conformance/case.js';
import { conformanceGroups } from './conformance/index.js';
import { runCase } from './conformance/run.js';

// The one place where the suite meets Jest. Other runners do the same with `conformanceCases` and `runCase`.

export interface DescribeConformanceOptions {
  /** The most milliseconds that one case may take. Default 60,000. */
  readonly timeoutMs?: number;
}

/**
 * Makes a Jest test of every case of the conformance suite, for one backend. The binding is made before the first case and
 * closed after the last.
 *
 * A case that the declared capabilities rule out is not run. How many were run, and which were not, is appended as one line
 * of JSON to the file named by the environment variable `HOLDFAST_CONFORMANCE_REPORT`, if it is set:
 * `{ "backend": "etcd-v3@3.5.30", "cases": 201, "skipped": 9, "skippedCases": { "C15.…": "capability leases is true" } }`.
 * `C15` is a section of `docs/contract.md`.
 *
 * @param name what the report calls the backend, such as `etcd-v3@3.5.30`
 */
export function describeConformance(
  name: string,
  makeBackend: () => Promise<ConformanceBackend> | ConformanceBackend,
  options: DescribeConformanceOptions = {},
): void {
  checkText(name, 'describeConformance(name)', "'my-store'");
  checkFunction(makeBackend, 'describeConformance(name, makeBackend)');
  checkOptions(options, ['timeoutMs'], 'describeConformance()');
  describe(`${name} conforms to the contract`, () => {
    let binding: { readonly backend: ConformanceBackend; readonly capabilities: Capabilities } | undefined;
    let ran = 0;
    const skipped: Record<string, string> = {};

    beforeAll(async () => {
      const backend = await makeBackend();
      const store = await backend.open();
      binding = { backend, capabilities: store.capabilities };
      await store.close();
    }, options.timeoutMs ?? 60_000);

    afterAll(async () => {
      await binding?.backend.close?.();
      report({ backend: name, cases: ran, skipped: Object.keys(skipped).length, skippedCases: skipped });
    });

    const run = async (conformanceCase: ConformanceCase) => {
      if (binding === undefined) throw new Error(`the binding of ${name} could not be made`);
      const reason = whySkipped(conformanceCase, binding.capabilities, binding.backend.hooks);
      if (reason !== undefined) {
        skipped[conformanceCase.id] = reason;
        return;
      }
      ran += 1;
      await runCase(conformanceCase, binding.backend);
    };

    for (const { subject, cases } of conformanceGroups) {
      describe(subject, () => {
        for (const each of cases) {
          test(`${each.id}: ${each.title}`, () => run(each), options.timeoutMs ?? 60_000);
        }
      });
    }
  });
}

function report(line: Record<string, unknown>): void {
  const file = process.env['HOLDFAST_CONFORMANCE_REPORT'];
  if (file !== undefined && file !== '') appendFileSync(file, `${JSON.stringify(line)}\n`);
}
