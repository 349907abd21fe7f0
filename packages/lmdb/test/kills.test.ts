import { afterAll, expect, test } from '@jest/globals';
import { newFolder, removeFolders } from './support/folders.js';
import { runKills } from './support/kills.js';

afterAll(removeFolders);

// `npm run lmdb:kills` does it a thousand times.
test('writers that are killed lose nothing that was acknowledged, leave nothing half done, and a watch misses nothing', async () => {
  // `npm run test:fast` has a minute for everything.
  const kills = process.env['HOLDFAST_SAMPLE'] === 'few' ? 3 : 10;
  const result = await runKills({ path: newFolder(), kills, seed: 7 });
  expect(result.violations).toEqual([]);
  expect(result.acknowledged).toBeGreaterThanOrEqual(kills);
});
