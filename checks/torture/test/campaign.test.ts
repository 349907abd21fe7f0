// A part of the campaign, chosen afresh each time, on real clusters: injections that the committed report has, made again. See docs/torture.md.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { availableEtcds, describeViolations, Random } from '@holdfast/testkit';
import { inCluster, runPlanned } from '../src/campaign.js';
import { allCells, cellsOn, nameOfCell, type Cell } from '../src/cell.js';
import { NotInjected } from '../src/fault.js';
import { expectNoAnswer, expectNoRead } from '../src/faults/members.js';
import { faults } from '../src/faults/index.js';
import { COUNTER } from '../src/keys.js';
import { LiveWorld } from '../src/live-world.js';
import { planOf, shuffled, type Planned } from '../src/plan.js';
import { sampleOf } from '../src/replay.js';
import type { CampaignReport, InjectionReport, Mishap } from '../src/report.js';
import { runInjection } from '../src/run-injection.js';

const REPORT = join(__dirname, '..', 'results', 'campaign.json');
/** How long it goes on beginning injections, in milliseconds; a slow machine makes fewer of them. */
const BUDGET_MS = 40_000;
const IN_A_CELL = 6;

/** Injections in two cells of one server and one cell of three, one cell after the other. */
function chosen(random: Random): Planned[] {
  const published = existsSync(REPORT)
    ? sampleOf((JSON.parse(readFileSync(REPORT, 'utf8')) as CampaignReport).injections, Infinity, random, faults)
    : [];
  const madeIn = (cell: Cell): Planned[] => {
    const made = published.filter((planned) => planned.cell === cell);
    return made.length > 0 ? made : shuffled(planOf({ seed: 1, faults, cells: [cell], allCells }), random);
  };
  const available = availableEtcds().map(({ version }) => version);
  const cells = shuffled(cellsOn(available), random);
  const places = [
    ...cells.filter(({ nodes }) => nodes === 1).slice(0, 2),
    ...cells.filter(({ nodes }) => nodes === 3).slice(0, 1),
  ];
  return places.flatMap((cell) => madeIn(cell).slice(0, IN_A_CELL));
}

describe('injections of the campaign, made again', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);

  test(`break no promise (sample ${seed})`, async () => {
    const random = new Random(seed);
    const plan = chosen(random);
    // Sessions, locks and elections take part in some cells.
    const coordinated = new Set([...new Set(plan.map(({ cell }) => cell))].filter(() => random.chance(0.5)));
    const reports: InjectionReport[] = [];
    const mishaps: Mishap[] = [];
    const deadline = performance.now() + BUDGET_MS;
    const worlds = plan.map((planned) => inCluster(planned, coordinated.has(planned.cell)));
    await runPlanned(worlds, {
      goesOn: () => performance.now() < deadline,
      onInjection: (report) => reports.push(report),
      onMishap: (mishap) => mishaps.push(mishap),
    });
    const broken = reports.flatMap(({ cell, kind, seed: own, coordination, violations }) => {
      // How long it took says something of this machine; that it came about says something of Holdfast.
      const promises = violations.filter(({ guarantee }) => guarantee !== 'bound');
      const flags = coordination === undefined ? '' : '--coordination ';
      const again = `npm run torture -- ${flags}--cell ${cell} --fault ${kind} --injection-seed ${own}`;
      return promises.length === 0 ? [] : [`sample ${seed}: ${again}\n${describeViolations(promises)}`];
    });
    expect(broken).toEqual([]);
    // Something was done, and looked at.
    expect([reports.length > 0, mishaps.filter(() => reports.length === 0)]).toEqual([true, []]);
    for (const { eventsChecked, looks } of reports) expect(Math.min(eventsChecked, looks)).toBeGreaterThan(0);
  });
});

describe('in a world of one server', () => {
  test('a fault that does not take effect does not count, and one that breaks a promise is found', async () => {
    const [cell] = allCells;
    const world = await LiveWorld.start(cell!, 'plain', new Random(1));
    try {
      const [member] = world.etcd.members;
      await expect(expectNoAnswer(member!)).rejects.toThrow(NotInjected);
      await expect(expectNoRead(world, member!)).rejects.toThrow(NotInjected);
      // As a client would that sends a write again which was applied.
      const { report } = await runInjection(
        world,
        {
          kind: 'cut',
          inject: async () => {
            const counter = await world.direct.get(COUNTER);
            await world.direct.put(COUNTER, counter!.value);
            return { heal: () => Promise.resolve(), details: {} };
          },
        },
        1,
      );
      expect(nameOfCell(cell!)).toBe(report.cell);
      expect(report.violations.map(({ guarantee }) => guarantee)).toEqual(['applied once']);
    } finally {
      await world.close();
    }
  });
});
