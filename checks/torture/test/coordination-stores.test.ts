// Coordinators on PostgreSQL, with broken implementations of sessions and locks: the checkers find there what they find on etcd.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Random } from '@holdfast/testkit';
import type { Ground } from '../src/coordination/ground.js';
import { postgresFaults } from '../src/stores/postgres-faults.js';
import { PostgresPlace } from '../src/stores/postgres-place.js';
import { storeGround } from '../src/stores/store-place.js';
import type { StoreWorld } from '../src/stores/store-world.js';
import { naive, surviving, withToken } from './broken-coordinators.js';
import { calm, findings, LONG_MS, PATIENCE_MS, silence, type Scenario } from './scenario.js';

let place: PostgresPlace;

beforeAll(async () => {
  place = await PostgresPlace.start('postgres/18');
  // The first call makes the tables.
  await place.direct.status();
});

afterAll(async () => {
  await place?.close();
});

const ground = (name: string): Ground => storeGround(place, `/${name}/`);

/** An earlier dump is restored, as in the campaign. */
const restored: Scenario = async (coordination, { truth, direct }) => {
  const restore = postgresFaults.find(({ kind }) => kind === 'restore');
  const world = { place, direct, truth, writers: coordination } as unknown as StoreWorld<PostgresPlace>;
  await restore?.inject(world, new Random(1));
};

test('a token that nobody can check, and a lock without a look at its lease, behind a network that falls silent', async () => {
  const [unchecked, unseen] = await Promise.all([
    findings(
      // Past the silence.
      { ...ground('a'), tested: place.direct },
      1,
      { patienceMs: PATIENCE_MS, implementation: withToken(() => 1) },
      calm,
    ),
    findings(ground('b'), 2, { patienceMs: PATIENCE_MS, holdMs: LONG_MS, implementation: naive }, silence(place.proxy)),
  ]);
  expect(unchecked.join('\n')).toMatch(/fenced: /);
  expect(unseen.join('\n')).toMatch(/exclusive: .* held the lock before process \d #\d+ was told that it had lost it/);
});

test('a session that survives the restore of a dump', async () => {
  const found = await findings(ground('c'), 3, { patienceMs: PATIENCE_MS, implementation: surviving }, restored);
  expect(found.join('\n')).toMatch(/gone: process \d has a session of a history that is gone/);
});
