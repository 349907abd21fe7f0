import { expect, test } from '@jest/globals';
import { conformanceCases, runConformance, type ConformanceCase } from '@holdfast/testkit';
import { describeConformance } from '@holdfast/testkit/jest';
import { sample } from '../../../.ci/test/support/sample.js';
import { filesBackend } from './support/backend.js';

/** Cases that need hundreds of writes, or megabytes. A store that is only read passes them too: `HOLDFAST_FILES=whole` runs them, which takes minutes. */
const SLOW =
  /^(C11\.|C4\.(large|list-gives|delta|sort|reads-see-ack)|C10\.(large|long|no-coalescing|concurrent|every-write|progress-is-never)|C12\.overrun|C5\.|C2\.random|C13\.no-false)/;
const isWhole = process.env['HOLDFAST_FILES'] === 'whole';
const inNpmTest = ({ id }: ConformanceCase) => !SLOW.test(id);

const WRITABLE = ['files', { writable: true }] as const;
const READ_ONLY = ['files, read only', {}] as const;
const isFast = sample([0, 1]).length === 1;

// All cases, for the report of every full run.
if (!isFast) describeConformance(WRITABLE[0], () => filesBackend(WRITABLE[1]).backend, { timeoutMs: 600_000 });

if (isWhole) {
  // Of a store that is only read, each write of a case is a file that comes to rest.
  describeConformance(READ_ONLY[0], () => filesBackend(READ_ONLY[1]).backend, { timeoutMs: 600_000 });
} else {
  test.each([isFast ? WRITABLE : READ_ONLY])(
    '%s: the store passes every case that its capabilities do not exclude',
    async (_, options) => {
      const { backend } = filesBackend(options);
      try {
        const reports = await runConformance(backend, sample(conformanceCases.filter(inNpmTest)));
        const of = (status: string) => reports.filter(({ outcome }) => outcome.status === status);
        const failed = of('failed').map(({ case: { id }, outcome }) => [id, outcome]);
        expect(failed).toEqual([]);
        if (isFast) return;
        expect(of('passed').map(({ case: { id } }) => id)).toEqual(
          expect.arrayContaining([
            'C1.undecodable-keys-in-batches',
            'C4.breakdown-is-not-absence',
            'C10.watches-tell-outside-writes',
            'C12.breakdown-is-ridden-out',
          ]),
        );
        expect(of('passed').length).toBeGreaterThan(80);
      } finally {
        await backend.close?.();
      }
    },
  );
}
