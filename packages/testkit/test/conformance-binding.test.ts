import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { createStore, DelegatingDriver, type DriverCall, type DriverPutOptions } from '@holdfast/store/adapter';
import {
  conformanceCases,
  runCase,
  runConformance,
  simulateLink,
  type CaseReport,
  type ConformanceCase,
} from '@holdfast/testkit';
import { ConformanceRun } from '../src/conformance/binding.js';
import { memoryBackend } from './support/memory-backend.js';

const caseOf = (id: string): ConformanceCase => {
  const found = conformanceCases.find((each) => each.id === id);
  if (found === undefined) throw new Error(`there is no case ${id}`);
  return found;
};

/** A store whose answers come in later turns of the event loop, as those of sockets and files do. */
class LaterDriver extends DelegatingDriver {
  override async put(key: string, value: Uint8Array, options: DriverPutOptions, call: DriverCall) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return super.put(key, value, options, call);
  }
}

// What runs here is no backend of the report of all tests.
beforeAll(() => {
  delete process.env['HOLDFAST_CONFORMANCE_REPORT'];
});

describe('a binding', () => {
  test('whose passTime returns at once leaves the store the turns that it needs', async () => {
    const data = memoryStore();
    let asked = 0;
    const backend = {
      patienceMs: 2_000,
      open: () => createStore(new LaterDriver(data.connect(), { owned: true })),
      hooks: {
        passTime: () => {
          asked += 1;
          return Promise.resolve();
        },
      },
    };
    const waiting: ConformanceCase = {
      id: 'C10.waits',
      clauses: ['C10'],
      title: 'waits for something that comes in a later turn',
      run: async (context) => {
        let there = false;
        void context.store.put(context.key('a'), '1').then(() => (there = true));
        await context.eventually('the put to return', () => there);
      },
    };
    await runCase(waiting, backend);
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(1_000);
    await data.close();
  });

  test('is told each case as soon as it is over', async () => {
    const backend = memoryBackend({ patienceMs: 5_000 });
    const ids = ['C1.text-value-is-utf8', 'C1.path-syntax-refuses-what-it-would-change', 'C4.absence-is-undefined'];
    const told: CaseReport[] = [];
    const reports = await runConformance(backend, ids.map(caseOf), {
      onCase: async (report) => {
        await Promise.resolve();
        told.push(report);
      },
    });
    expect(told).toEqual(reports);
    expect(told.map(({ outcome }) => outcome.status)).toEqual(['passed', 'skipped', 'passed']);
    await expect(runConformance(backend, [], { onCase: 5 } as never)).rejects.toThrow(/onCase must be a function/);
    await backend.close();
  });

  test('over a simulated link has that noted in the cases that use it, and in no others', async () => {
    const backend = memoryBackend({ patienceMs: 5_000 });
    const simulated = async (id: string, binding = backend) => (await runCase(caseOf(id), binding)).simulated;
    expect(await simulated('C12.outage-is-ridden-out')).toBe(true);
    expect(await simulated('C14.unavailable-names-the-endpoint')).toBe(true);
    expect(await simulated('C12.breakdown-is-ridden-out')).toBe(false);
    expect(await simulated('C1.text-value-is-utf8')).toBe(false);
    const own = { ...backend, hooks: { ...backend.hooks, disturbed: () => Promise.resolve(realLink()) } };
    expect(await simulated('C16.abort-ends-what-is-on-its-way', own)).toBe(false);
    await backend.close();
  });
});

/** A link that is not the suite's own, as far as the suite can know. */
function realLink() {
  const { store, link } = simulateLink(memoryStore());
  const wrapped = createStore(new DelegatingDriver(store, { owned: true }));
  return {
    store: wrapped,
    link: { loseAnswers: () => link.loseAnswers(), cut: () => link.cut(), heal: () => link.heal() },
  };
}

test('a case has as many times as long as HOLDFAST_PATIENCE says', async () => {
  const { HOLDFAST_PATIENCE: before } = process.env;
  const patience: number[] = [];
  const looking: ConformanceCase = {
    id: 'C1.looks',
    clauses: ['C1'],
    title: 'looks how patient it may be',
    run: async ({ patienceMs }) => void patience.push(patienceMs),
  };
  const data = memoryStore();
  for (const factor of ['', '3']) {
    process.env['HOLDFAST_PATIENCE'] = factor;
    for (const given of [{}, { patienceMs: 100 }])
      await runConformance({ ...given, open: () => data.connect(), hooks: {} }, [looking]);
  }
  if (before === undefined) delete process.env['HOLDFAST_PATIENCE'];
  else process.env['HOLDFAST_PATIENCE'] = before;
  expect(patience).toEqual([10_000, 100, 30_000, 300]);
  await data.close();
});

test('no case leaves a key behind, whatever it has written, and whether it passes or not', async () => {
  const data = memoryStore();
  const backend = { patienceMs: 1_000, open: () => data.connect(), hooks: {} };
  const failing: ConformanceCase = {
    id: 'C1.fails',
    clauses: ['C1'],
    title: 'writes, closes its handle, and fails',
    run: async ({ store, key }) => {
      await store.put(key('a'), '1');
      await store.close();
      throw new Error('on purpose');
    },
  };
  const plain = conformanceCases.filter(({ clauses: [clause] }) => ['C1', 'C2', 'C4', 'C6', 'C16'].includes(clause));
  await runConformance(backend, [failing, ...plain]);
  expect((await data.list({ prefix: '' })).items.map(({ key }) => key)).toEqual([]);
  await data.close();
});

test('a backend that can not be opened is ended with the run', async () => {
  let closed = 0;
  const backend = {
    open: () => Promise.reject(new Error('no server')),
    hooks: {},
    close: () => {
      closed += 1;
      return Promise.resolve();
    },
  };
  const run = new ConformanceRun('broken', () => backend, {});
  await expect(run.start()).rejects.toThrow('no server');
  expect(() => run.whySkipped(caseOf('C4.absence-is-undefined'))).toThrow('the binding of broken could not be made');
  await run.finish();
  expect(closed).toBe(1);
});

test('the report of a run is written although its backend does not end well', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-report-'));
  try {
    const report = join(folder, 'report.json');
    const backend = memoryBackend({ patienceMs: 5_000 });
    const close = async () => {
      await backend.close();
      throw new Error('still in use');
    };
    const run = new ConformanceRun('stuck', () => ({ ...backend, close }), { report });
    await run.start();
    await expect(run.finish()).rejects.toThrow('still in use');
    expect(existsSync(report)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
