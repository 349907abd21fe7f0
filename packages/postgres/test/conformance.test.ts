import { availablePostgres } from '@holdfast/testkit';
import { describeConformance } from '@holdfast/testkit/jest';
import { bindPostgres } from './support/bind-postgres.js';

for (const { version } of availablePostgres()) {
  describeConformance(`postgres@${version}`, () => bindPostgres(version));
}
