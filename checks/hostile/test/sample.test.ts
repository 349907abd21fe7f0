import { describe, expect, test } from '@jest/globals';
import { availableEtcds } from '@holdfast/testkit';
import { runCampaign, V2Target, V3Target, type Target } from '../src/index.js';

const [first] = availableEtcds();
const [firstV2] = availableEtcds({ api: 'v2' });

/** Each attack once. */
async function attackAll(start: Promise<Target>): Promise<void> {
  await using target = await start;
  const { findings, attacks, looks } = await runCampaign(target, {
    first: 1,
    attacks: target.attacks.length,
    mostFindings: 1,
  });
  expect(findings).toEqual([]);
  expect(Object.keys(attacks).sort()).toEqual([...target.attacks].sort());
  expect(looks).toBeGreaterThan(target.attacks.length);
}

// `npm run hostile` attacks any number of times, on any version.
describe('no lie, stall or nonsense crashes, hangs, grows, or shows what never was:', () => {
  test('etcd v3', () => attackAll(V3Target.start(first!.version)));
  test('etcd v2', () => attackAll(V2Target.start(firstV2!.version)));
});
