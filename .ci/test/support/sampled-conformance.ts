import { expect, test } from '@jest/globals';
import { conformanceCases, runConformance, type ConformanceBackend } from '@holdfast/testkit';
import { describeConformance } from '@holdfast/testkit/jest';
import { sample } from './sample.js';

/** The conformance suite, a test for each case. In npm run test:fast a quarter of the cases, as one test. */
export function describeSampledConformance(name: string, makeBackend: () => ConformanceBackend): void {
  const cases = sample(conformanceCases);
  if (cases.length === conformanceCases.length) {
    describeConformance(name, makeBackend);
    return;
  }
  test(`${name}: a quarter of the conformance suite`, async () => {
    const backend = makeBackend();
    try {
      const reports = await runConformance(backend, cases);
      expect(reports).toHaveLength(cases.length);
      expect(
        reports.flatMap(({ case: { id }, outcome }) => (outcome.status === 'failed' ? [[id, outcome]] : [])),
      ).toEqual([]);
    } finally {
      await backend.close?.();
    }
  });
}
