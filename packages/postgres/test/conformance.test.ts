// The newest PostgreSQL runs the whole suite. What an older one could do otherwise is what statements mean: it runs the cases of keys, reads,
// writes and transactions. How a watch is followed, how its consumer is slow and how a connection is lost, no server decides.
// `HOLDFAST_VERSIONS=all` runs all on each.
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { availablePostgres, conformanceCases, runCase, whySkipped, type ConformanceBackend } from '@holdfast/testkit';
import { describeConformance } from '@holdfast/testkit/jest';
import { postgresStore } from '@holdfast/postgres';
import { triesAllVersions } from '../../../.ci/test/support/sampled-etcds.js';
import { bindPostgres } from './support/bind-postgres.js';

const [newest, ...others] = availablePostgres();
// It connects with its first call only.
const { capabilities } = postgresStore({ connectionString: 'postgres://127.0.0.1' });
const OF_STATEMENTS: readonly string[] = ['C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C9'];
const ofStatements = conformanceCases.filter(
  (each) => OF_STATEMENTS.includes(each.clauses[0]) && whySkipped(each, capabilities, {}) === undefined,
);

const whole = triesAllVersions ? availablePostgres() : [newest].filter((server) => server !== undefined);
for (const { version } of whole) describeConformance(`postgres@${version}`, () => bindPostgres(version));

for (const { version } of triesAllVersions ? [] : others) {
  describe(`postgres@${version} conforms to the contract, as far as statements go`, () => {
    let backend: ConformanceBackend;

    beforeAll(async () => {
      backend = await bindPostgres(version);
    });

    afterAll(() => backend.close?.());

    test.each(ofStatements.map((each) => [each.id, each] as const))('%s', async (_id, each) => {
      await runCase(each, backend);
    });
  });
}
