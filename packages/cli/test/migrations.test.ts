// Migrations by processes that are killed, on real servers. `npm run migrations` has all of it; this is its sample.
import { afterAll, expect, test } from '@jest/globals';
import { findEtcd } from '@holdfast/testkit';
import { MoverProgram } from './support/migrations/mover.js';
import { runMigration } from './support/migrations/run-migration.js';

const program = new MoverProgram();
const { version } = findEtcd({ version: '3.5' });

afterAll(() => {
  program.close();
});

test.each([
  ['v2', 'back'],
  ['v3', 'suspended'],
] as const)('a migration from etcd %s keeps every write: %s', async (from, scenario) => {
  const sizes = { keys: 300, kills: 2, seed: 1, pauseMs: 60, drainMs: 200, ttl: 20 };
  const result = await runMigration({ ...sizes, from, version, scenario }, program);
  expect(result.violations).toEqual([]);
  expect(result.acknowledged).toBeGreaterThan(20);
  expect(result.living).toBeGreaterThan(0);
});
