import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runCampaign } from '../src/campaign/campaign.js';
import { nextSeed, newState, readState, withRun, writeState } from '../src/campaign/campaign-state.js';
import { report } from '../src/campaign/report.js';
import { SeedQueue } from '../src/campaign/seed-queue.js';

const subject = { commit: 'abc', generation: 7, first: 3 } as const;

describe('a campaign of several commands', () => {
  let folder = '';
  let file = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-simulation-'));
    file = join(folder, 'state.json');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test('gives what one command gives, and says which seeds each one ran', async () => {
    const whole = await runCampaign({ first: 3, seeds: 5 });
    // The first is stopped after its second world.
    let worlds = 0;
    const part = await runCampaign({ first: 3, seeds: 5, onSeed: () => (worlds += 1) < 2 });
    writeState(file, withRun(newState(subject), part, 1));
    const before = readState(file, subject);
    expect(nextSeed(before)).toBe(5);
    const state = withRun(before, await runCampaign({ first: nextSeed(before), seeds: 3 }), 2);
    expect(state.result).toEqual(whole);
    const told = report({ state, command: '', jobs: 1 });
    expect(told.seeds).toEqual({ first: 3, run: 5 });
    expect(told.runs).toEqual([
      { first: 3, run: 2, seconds: 1 },
      { first: 5, run: 3, seconds: 2 },
    ]);
    expect(told.seconds).toBe(3);
  });

  test.each([{ commit: 'def' }, { generation: 6 as const }, { first: 1 }])(
    'adds nothing of another one: %j',
    (other) => {
      writeState(file, newState(subject));
      expect(() => readState(file, { ...subject, ...other })).toThrow(/of another campaign/);
      expect(existsSync(`${file}.new`)).toBe(false);
    },
  );
});

describe('the seeds of several processes', () => {
  test('are told in their order, so that none is missing before the next seed', () => {
    const told: string[] = [];
    const queue = new SeedQueue<string>({ first: 1, seeds: 7 }, 3, (result) => told.push(result));
    const parts = [queue.take(), queue.take(), queue.take()];
    expect(parts).toEqual([
      { first: 1, seeds: 3 },
      { first: 4, seeds: 3 },
      { first: 7, seeds: 1 },
    ]);
    expect(queue.take()).toBeUndefined();
    queue.finish({ first: 7, seeds: 1 }, 'c');
    queue.finish({ first: 4, seeds: 3 }, 'b');
    expect(told).toEqual([]);
    queue.finish({ first: 1, seeds: 3 }, 'a');
    expect(told).toEqual(['a', 'b', 'c']);
  });

  test('end when the campaign is stopped', () => {
    const queue = new SeedQueue<string>({ first: 1, seeds: 7 }, 3, () => undefined);
    queue.take();
    queue.stop();
    expect(queue.take()).toBeUndefined();
  });
});
