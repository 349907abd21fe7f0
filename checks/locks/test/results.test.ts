import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { FAULTS, tooManyRepeats, type CampaignResult } from '../src/index.js';

interface Results {
  readonly results: readonly CampaignResult[];
  readonly go: readonly { readonly server: string; readonly violations: readonly string[] }[];
}

const { results, go } = JSON.parse(readFileSync(join(__dirname, '..', 'results', 'campaign.json'), 'utf8')) as Results;

test('docs/coordination.md says of the latest campaign what its results say', () => {
  const ours = results.find(({ client }) => client === 'holdfast');
  expect(ours).toMatchObject({ runs: 1_000, sideBySide: 50, violations: [] });
  expect(Object.keys(ours?.faults ?? {}).sort()).toEqual([...FAULTS].sort());
  expect(Object.values(ours?.faults ?? {}).map(({ runsWithOverlaps }) => runsWithOverlaps)).toEqual(
    FAULTS.map(() => 0),
  );
  expect(tooManyRepeats(1_000, ours?.faults ?? {})).toEqual([]);
  expect(go.flatMap(({ violations }) => violations)).toEqual([]);
  expect(go.map(({ server }) => server)).toEqual(expect.arrayContaining(['3.4.23', '3.7.3']));
});
