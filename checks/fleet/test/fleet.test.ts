import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readCosts, readCostsFor } from '../src/costs/costs.js';
import { factorBetween } from '../src/scenarios/measured.js';
import { type Result, run } from '../src/scenarios/run.js';
import { scenarioOf } from '../src/scenarios/scenario.js';
import { type Site, sites } from '../src/scenarios/site.js';

const costs = readCosts(join(__dirname, '..', 'costs.json'));

function simulate(scenario: string, mirrors: number, site: Site = sites.fleet, seed = 1): Promise<Result> {
  return run({ scenario: scenarioOf(scenario), site, mirrors, keys: 10_000, seed, costs, mostMs: 60_000 });
}

describe('a simulated fleet', () => {
  let result: Result;

  beforeAll(async () => {
    result = await simulate('comeback', 100);
  });

  test('comes back with what the server has, and says that it is live', () => {
    expect(result.unequal).toBe(0);
    expect(result.liveAfter).not.toBeNull();
  });

  test('is the same each time for one seed, and another for another', async () => {
    const small = await simulate('comeback', 15);
    expect(await simulate('comeback', 15)).toEqual(small);
    expect(await simulate('comeback', 15, sites.fleet, 2)).not.toEqual(small);
  });

  test('costs the server for each mirror a connection, a count of its keys and the events, and no history check', () => {
    const { serverCpu, timeouts, requests } = result;
    const { connect, event, start } = costs.server;
    const { count } = readCostsFor(costs.server, 10_000);
    // Twice the events: those that are known already come as well, and what was missed is read again for those behind.
    expect(serverCpu * 1_000).toBeLessThan(start + 100 * (connect + count + 2 * 3_000 * event));
    expect(requests['history check'] ?? 0).toBe(0);
    expect(timeouts).toBe(0);
  });

  test('is charged for what it reads: with ten times the keys, a load costs some ten times as much', async () => {
    const few = await simulate('start', 10);
    const many = await run({
      scenario: scenarioOf('start'),
      site: sites.fleet,
      mirrors: 10,
      keys: 100_000,
      seed: 1,
      costs,
      mostMs: 60_000,
    });
    expect(many.serverCpu / few.serverCpu).toBeGreaterThan(5);
    expect(few.requests['page']).toBe(10 * 4);
  });

  test('overloads a server that has a tenth of a core for it, and shows that', async () => {
    const busy = await simulate('comeback', 150, { ...sites.bench, others: 40 });
    expect(busy.timeouts).toBeGreaterThan(50);
    expect(busy.requests['aborted']).toBeGreaterThan(50);
  });
});

test('a fleet beside which others write costs as much more as their writes, and is live all the same', async () => {
  const site = { ...sites.fleet, writesPerSecond: 100 };
  const [alone, beside] = [await simulate('comeback', 30), await simulate('comeback', 30, site)];
  expect(beside.unequal).toBe(0);
  expect(beside.requests['put']).toBeGreaterThan(50);
  const writes = ((beside.requests['put'] ?? 0) * costs.server.put) / 1_000;
  expect(beside.serverCpu - alone.serverCpu).toBeGreaterThan(writes / 2);
});

test('spans are apart by a factor, unless they overlap', () => {
  expect(factorBetween([5, 7], [4, 6])).toBe(1);
  expect(factorBetween([1, 2], [4, 6])).toBe(2);
  expect(factorBetween([9, 12], [4, 6])).toBe(1.5);
  expect(factorBetween([0, 0], [0, 0])).toBe(1);
  expect(factorBetween([9, Infinity], [4, 6])).toBe(1.5);
});
