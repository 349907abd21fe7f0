import { describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { withPrefix, type ConfigStore } from '@holdfast/store';
import type { ConfigEntry } from '../src/quickstart/config-entry.js';
import { Demonstration } from '../src/quickstart/demonstration.js';
import { filePlan } from '../src/quickstart/file-plan.js';
import { gatewayPlan } from '../src/quickstart/gateway-plan.js';
import { OwnPrefix } from '../src/quickstart/own-prefix.js';
import type { Plan } from '../src/quickstart/plan.js';
import { printer } from '../src/quickstart/printer.js';
import { mayCompact } from '../src/quickstart/shared-history.js';
import { generateEntries } from './support/gateway-entries.js';

/** Runs the steps, which check what they claim, and gives what was printed. */
async function demonstrate(plan: Plan, options: { store?: ConfigStore; compact?: boolean } = {}): Promise<string> {
  const { store = memoryStore(), compact = true } = options;
  const own = new OwnPrefix(store);
  const lines: string[] = [];
  const demonstration = new Demonstration({ store, plan, own, compact, out: printer((line) => lines.push(line)) });
  await demonstration.run();
  await demonstration.close();
  await own.remove();
  expect((await store.list({ prefix: '' }, { keysOnly: true })).items).toEqual([]);
  await store.close();
  return lines.join('\n');
}

const entry = (key: string, value = '{}'): ConfigEntry => ({ key, value });

test('every shape of configuration goes through all steps', async () => {
  const shapes: readonly (readonly ConfigEntry[])[] = [
    [entry('/app/routes/r1'), entry('/app/routes/r2'), entry('/app/upstreams/u1'), entry('/app/limits')],
    [entry('/a')],
    [entry('a'), entry('/a'), entry('b/c')],
    [entry('/flat/a'), entry('/flat/b', 'text that is no JSON')],
    [entry('//x', '1'), entry('//y', '2')],
    [entry('/x/', '1'), entry('/x/y/', '2'), entry('/x', '3')],
    [entry('/get/a'), entry('/then/b'), entry('/state/c'), entry('/__proto__/d')],
    [entry('/get'), entry('/then'), entry('/state'), entry('/__proto__'), entry('/folder/e')],
    [entry('/app/a', '1'), entry('/app/b', '2')],
    [entry('/app/ключ/ü', '"ä"'), entry('/app/🚦/x', 'null')],
    Array.from({ length: 60 }, (_, index) => entry(`/many/${index}/x`, String(index))),
    [entry('/again', '1'), entry('/again', '2')],
  ];
  const printed = await Promise.all(shapes.map((entries) => demonstrate(filePlan('a file', entries))));
  for (const each of printed) expect(each).toContain('The mirror equals the store');
});

test('a large configuration is written in batches that etcd takes', async () => {
  const entries = [...generateEntries(2_000)];
  const large = { key: '/apisix/routes/large', value: JSON.stringify('x'.repeat(1_000_000)) };
  expect(await demonstrate(filePlan('a file', [...entries, large, large]))).toContain('2,001 entries in memory');
});

test('its own configuration shows a resync with two net changes of five writes', async () => {
  const printed = await demonstrate(gatewayPlan);
  expect(printed).toContain('routes 6, upstreams 5, limits 1');
  expect(printed).toContain('put upstreams/payments-v2, put routes/checkout, put limits');
  expect(printed).toContain('routes/catalog is still {"uri":"/api/catalog/*"');
  expect(printed).toContain('problems(): routes/catalog fails its schema: uri:');
  expect(printed).toContain('meanwhile 5 writes by others');
  expect(printed).toMatch(/resync \(compacted\) after .* ms, 2 changes: put routes\/home, delete routes\/legacy/);
  expect(printed).toContain('the other 11 entries are the same objects as before');
});

test('without a compaction the steps say so, and the watch resumes', async () => {
  const printed = await demonstrate(gatewayPlan, { compact: false });
  expect(printed).toContain('not compacted: others use this etcd too');
  expect(printed).toContain('the watch resumed');
});

test('a view of a store, which can compact nothing, is enough', async () => {
  const view = withPrefix(memoryStore(), '/app', { owned: true });
  expect(await demonstrate(gatewayPlan, { store: view, compact: false })).toContain('has no compaction');
});

describe('history is compacted', () => {
  const local = 'etcd-v3://127.0.0.1:2379,localhost:22379';
  const remote = 'etcd-v3://127.0.0.1:2379,etcd.example.com:2379';

  async function decide(url: string, { neighbours = true, asked = false } = {}): Promise<boolean> {
    const store = memoryStore();
    if (neighbours) await store.put('/somebody/elses', '');
    const own = new OwnPrefix(store);
    await own.fill([entry('/a')]);
    const decision = await mayCompact(store, own, { url, asked });
    await store.close();
    return decision;
  }

  test('in the process and on this machine', async () => {
    expect(await decide('memory:')).toBe(true);
    expect(await decide(local)).toBe(true);
  });

  test('elsewhere only where nobody else has keys, or the user asked for it', async () => {
    expect(await decide(remote)).toBe(false);
    expect(await decide(remote, { asked: true })).toBe(true);
    expect(await decide(remote, { neighbours: false })).toBe(true);
  });
});
