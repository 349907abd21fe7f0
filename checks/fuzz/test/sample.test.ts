import { describe, expect, test } from '@jest/globals';
import { availableEtcds, availablePostgres } from '@holdfast/testkit';
import {
  FilesArena,
  lmdbModel,
  PostgresArena,
  runCampaign,
  V2Arena,
  V3Arena,
  type Arena,
  type CampaignResult,
} from '../src/index.js';

const [first] = availableEtcds();

/** How many seeds each server gets: the first one most. */
const seedsOn = (version: string): number => (version === first?.version ? 12 : 3);

async function fuzz(start: Promise<Arena>, seeds: number): Promise<CampaignResult> {
  await using arena = await start;
  // Every version gets seeds of its own.
  const from = 1 + 100 * availableEtcds().findIndex(({ version }) => arena.name.includes(version));
  return await runCampaign(arena, { first: from, seeds, onSeed: (_seed, failure) => failure === undefined });
}

const differences = ({ failures }: CampaignResult): unknown =>
  failures.map(({ seed, difference, lines }) => ({ seed, difference, lines: lines.slice(-5) }));

// `npm run fuzz` runs any number of seeds.
describe('random calls come to the same on the memory store and on', () => {
  test.each(availableEtcds().map(({ version }) => version))('etcd %s', async (version) => {
    const result = await fuzz(V3Arena.start(version), seedsOn(version));
    expect(differences(result)).toEqual([]);
    expect(result.tally.outcomes['answer']).toBeGreaterThan(20 * seedsOn(version));
  });

  test('etcd, with the lmdb store in place of the memory store', async () => {
    const version = first?.version ?? '';
    const result = await fuzz(V3Arena.start(version, lmdbModel), 6);
    expect(differences(result)).toEqual([]);
    expect(result.tally.outcomes['answer']).toBeGreaterThan(120);
  });

  test('etcd, and a folder that is written to', async () => {
    const result = await fuzz(FilesArena.start(first?.version), 5);
    expect(differences(result)).toEqual([]);
    expect(result.tally.outcomes['answer']).toBeGreaterThan(80);
  });

  test('a seed that has found something: a guard by a value that is too large for a request', async () => {
    await using arena = await FilesArena.start(first?.version);
    expect(differences(await runCampaign(arena, { first: 7184, seeds: 1, onSeed: () => false }))).toEqual([]);
  });

  test.each(availableEtcds({ api: 'v2' }).map(({ version }) => version))('etcd %s, v2 API', async (version) => {
    const result = await fuzz(V2Arena.start(version), 20);
    expect(differences(result)).toEqual([]);
    expect(result.tally.outcomes['answer']).toBeGreaterThan(200);
  });

  test.each(availablePostgres().map(({ version }) => version))('PostgreSQL %s, beside etcd', async (version) => {
    const result = await fuzz(PostgresArena.start(version), 4);
    expect(differences(result)).toEqual([]);
    expect(result.tally.outcomes['answer']).toBeGreaterThan(80);
  });
});
