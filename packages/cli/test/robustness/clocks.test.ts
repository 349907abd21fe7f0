// A wall clock that is set forward and back by hours: by an administrator, by NTP, by a virtual machine that wakes up.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { startEtcd } from '@holdfast/testkit';
import { runInChild } from './child.js';
import type { ClocksInput, ClocksResult } from './programs/clocks.js';

const HOUR = 3_600_000;
const OFFSETS_MS = [5 * HOUR, -5 * HOUR];
const ROWS: readonly (readonly [backend: ClocksInput['backend'], how: ClocksInput['how']])[] = [
  ['memory', 'Date.now'],
  ['memory', 'clock'],
  ['etcd-v3', 'Date.now'],
  ['etcd-v3', 'clock'],
  ['etcd-v2', 'Date.now'],
  ['etcd-v2', 'clock'],
];

describe('a wall clock that is set by hours', () => {
  const results = new Map<string, ClocksResult>();
  beforeAll(async () => {
    await using etcd = await startEtcd({ version: '3.5', enableV2: true });
    // They mostly wait, so that all of them are run at once.
    await Promise.all(
      ROWS.map(async ([backend, how]) => {
        const input: ClocksInput = { backend, how, endpoint: etcd.endpoints[0]!, offsetsMs: OFFSETS_MS };
        results.set(`${backend} ${how}`, await runInChild('clocks', input));
      }),
    );
  });

  test.each(ROWS)(
    'on %s, through %s: watches and mirrors follow, and nothing spins or waits for hours',
    (backend, how) => {
      const { seen, asOfMs, timers, longestMs, leaseKept } = results.get(`${backend} ${how}`)!;
      // After each setting, and where there is a connection after a cut, over which the clock was set again.
      const keys = OFFSETS_MS.flatMap((_, n) => [`set-${n}`, ...(backend === 'memory' ? [] : [`cut-${n}`])]);
      expect(seen).toEqual(['before', ...keys].map((key) => `/clock/${how}/${key}`));
      for (const ms of asOfMs) expect(Math.abs(ms)).toBeLessThan(HOUR);
      // A retry without a delay, or a timer that is overdue for ever, would set thousands.
      for (const count of timers) expect(count).toBeLessThan(1_000);
      expect(longestMs).toBeLessThan(HOUR);
      expect(leaseKept).toBe(true);
    },
  );
});
