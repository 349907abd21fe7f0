import { expect, test } from '@jest/globals';
import { findEtcd } from '@holdfast/testkit';
import { FAULTS, runCampaign } from '../src/index.js';

/** Of the first holders, in seconds: a machine that stands still for some of them must not lose them before their faults come. */
const TTL = 9;

test('under each fault, a fenced resource sees no overlap, nobody is served out of turn, and nothing is left', async () => {
  const { version } = findEtcd({ version: '3.5' });
  const runs = FAULTS.length;
  const result = await runCampaign({ version, client: 'holdfast', runs, sideBySide: runs, ttl: TTL });
  expect(result.violations).toEqual([]);
  expect(Object.keys(result.faults).sort()).toEqual([...FAULTS].sort());
});
