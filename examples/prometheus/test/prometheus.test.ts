import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import type { ConfigStore } from '@holdfast/store';
import { eventually, startEtcd, startProxy, virtualClock, type Etcd, type Proxy } from '@holdfast/testkit';
import { parse } from 'yaml';
import { startService, type Loaded, type Service } from '../src/service.js';
import { nameOf, namesIn, scrape, type Scrape } from './exposition.js';
import { findPromtool, promtool } from './promtool.js';

const example = join(__dirname, '..');
const RULES = join(example, 'alerts', 'holdfast.yaml');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
const rules = (parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
}
const dashboard = JSON.parse(readFileSync(join(example, 'grafana', 'holdfast.json'), 'utf8')) as Dashboard;
const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

const clock = virtualClock();
let etcd: Etcd;
let proxy: Proxy;
let direct: ConfigStore;
let store: ConfigStore;
let service: Service;
let work: Loaded;
/** One for each minute of the run. */
const scrapes: Scrape[] = [];
/** The minute in which each alert must fire, and in which none does. */
const minutes = new Map<string, number>();
const probes: Record<string, { readonly status: number; readonly body: string }> = {};

const probe = async (path: string) => {
  const response = await fetch(`${service.url}${path}`);
  return { status: response.status, body: await response.text() };
};
const until = (assertion: () => boolean) =>
  eventually(async () => {
    if (!assertion()) await clock.advance(100);
    expect(assertion()).toBe(true);
  });
/** What Prometheus would have scraped in the next minutes. */
async function pass(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) scrapes.push(await scrape(service.url));
}
const now = () => scrapes.length - 1;

function cut(): void {
  proxy.refuse();
  proxy.cut();
}

beforeAll(async () => {
  etcd = await startEtcd();
  proxy = await startProxy(etcd.endpoints[0]!);
  direct = etcdV3Store({ endpoints: [...etcd.endpoints] });
  store = etcdV3Store({ endpoints: [proxy.endpoint] });
  await direct.put('/app/routes/home', '{"uri":"/"}');
  service = await startService({ store, clock, maxStaleMs: 10 * 60_000 });
  work = await service.loaded;
  await work.routes.sync();

  await pass(2);
  minutes.set('none', now());
  probes['well'] = await probe('/readyz');

  // An outage: the mirror's clock passes, the real one hardly does.
  cut();
  await until(() => work.routes.state.connection === 'interrupted');
  await clock.advance(30_000);
  await pass(1);
  for (let n = 0; n < 3; n += 1) {
    await clock.advance(60_000);
    await pass(1);
  }
  minutes.set('HoldfastMirrorStale', now());
  probes['stale'] = await probe('/readyz');
  await clock.advance(10 * 60_000);
  probes['too stale'] = await probe('/readyz');
  probes['alive'] = await probe('/healthz');
  await proxy.allow();
  await until(() => work.routes.health().staleMs === 0);
  // Its session did not survive that: a session that has lost its store for longer than its lease never does.
  await until(() => work.session.signal.aborted);
  await pass(1);
  minutes.set('HoldfastSessionLost', now());
  await pass(12);
  minutes.set('none later', now());

  await direct.put('/app/routes/shop', 'not JSON');
  await until(() => work.routes.problems().length === 1);
  await pass(1);
  minutes.set('HoldfastMirrorProblem', now());
  // It stands for so long that it is no news; then there is a second one.
  await pass(12);
  minutes.set('no news', now());
  await direct.put('/app/routes/cart', 'not JSON');
  await until(() => work.routes.problems().length === 2);
  await pass(1);
  minutes.set('HoldfastMirrorNewProblem', now());
  await direct.put('/app/routes/cart', '{}');
  await direct.put('/app/routes/shop', '{}');
  await until(() => work.routes.problems().length === 0);
  await pass(2);

  // Each time the mirror returns, what it would have followed from is compacted.
  for (let n = 0; n < 7; n += 1) {
    cut();
    await until(() => work.routes.state.connection === 'interrupted');
    await direct.put('/app/routes/home', `{"uri":"/${n}"}`);
    const { revision } = await direct.put('/app/routes/shop', '{}');
    await direct.compact(revision);
    await proxy.allow();
    await until(() => work.routes.revision >= revision && work.routes.health().staleMs === 0);
    if (n % 2 === 1) await pass(1);
  }
  await pass(1);
  minutes.set('HoldfastResyncStorm', now());
  await pass(1);
});

afterAll(async () => {
  await service.close();
  await Promise.all([store.close(), direct.close()]);
  await proxy.close();
  await etcd.close();
});

describe('the probes', () => {
  test('are ready with a configuration, also without the store, until that is too old', () => {
    expect(probes['well']).toMatchObject({ status: 200 });
    expect(JSON.parse(probes['well']!.body)).toMatchObject({ ready: true, status: 'live', staleMs: 0, problems: 0 });
    expect(probes['stale']).toMatchObject({ status: 200 });
    expect(JSON.parse(probes['stale']!.body)).toMatchObject({
      ready: true,
      status: 'stale',
      connection: 'interrupted',
    });
    expect(probes['too stale']).toMatchObject({ status: 503 });
  });

  test('are alive without the store: a restart would not bring it back', () => {
    expect(probes['alive']).toEqual({ status: 200, body: 'alive\n' });
  });
});

test('the service closes also where the store is away', async () => {
  const gone = memoryStore();
  const other = await startService({ store: gone });
  await other.loaded;
  await gone.close();
  await other.close();
  await expect(fetch(`${other.url}/healthz`)).rejects.toThrow();
});

describe('the metrics', () => {
  const exported = () => new Set(scrapes.flatMap((each) => [...each.keys()].map(nameOf)));

  test.each([
    ['the dashboard', queries],
    ['the alert rules', rules.map(({ expr }) => expr)],
  ])('that %s asks for are exported', (_, asked) => {
    const names = asked.flatMap(namesIn);
    expect(names.length).toBeGreaterThanOrEqual(asked.length);
    expect(names.filter((name) => !exported().has(name))).toEqual([]);
  });

  test('are all shown on the dashboard, or alerted on', () => {
    const used = new Set([...queries, ...rules.map(({ expr }) => expr)].flatMap(namesIn));
    // A histogram has three series; the audits are off in this service.
    const base = (name: string) => name.replace(/_(bucket|sum|count)$/, '');
    const missing = [...exported()].filter((name) => ![...used].some((each) => base(each) === base(name)));
    expect(missing).toEqual([]);
  });

  test('have no key and no value among their labels', () => {
    const series = scrapes.flatMap((each) => [...each.keys()]).join('\n');
    expect(series).toContain('name="routes"');
    for (const text of ['/app/', 'home', 'shop', 'cart', 'uri']) expect(series).not.toContain(text);
  });
});

describe('the alert rules', () => {
  const { path, why } = findPromtool();
  const work = mkdtempSync(join(tmpdir(), 'holdfast-promtool-'));
  afterAll(() => rmSync(work, { recursive: true, force: true }));
  if (path === undefined) console.warn(`the alert rules are not tested: ${why}`);

  test('are written for what can happen here', () => {
    const alerts = rules.map(({ alert }) => alert);
    expect(alerts.filter((alert) => !minutes.has(alert))).toEqual([]);
  });

  (path === undefined ? [] : [path]).forEach((binary) => {
    test('fire on what the service exported while it happened, and not before', () => {
      const file = join(work, 'rules.test.json');
      writeFileSync(file, JSON.stringify(rulesTest(), undefined, 2));
      expect(promtool(binary, 'test', 'rules', file)).toMatchObject({ ok: true });
    });

    test('are found out by promtool if they fire on something else', () => {
      const file = join(work, 'wrong.test.json');
      const broken = readFileSync(RULES, 'utf8').replace('staleness_seconds > 60', 'staleness_seconds >= 0');
      writeFileSync(join(work, 'broken.yaml'), broken);
      writeFileSync(file, JSON.stringify({ ...rulesTest(), rule_files: [join(work, 'broken.yaml')] }));
      const { ok, output } = promtool(binary, 'test', 'rules', file);
      expect([ok, output]).toEqual([false, expect.stringContaining('alertname: HoldfastMirrorStale')]);
    });
  });

  /** The run as `promtool test rules` takes it. It reads YAML, which JSON is. */
  function rulesTest() {
    const used = new Set(rules.flatMap(({ expr }) => namesIn(expr)));
    const series = new Set(scrapes.flatMap((each) => [...each.keys()].filter((name) => used.has(nameOf(name)))));
    const valuesOf = (name: string) => scrapes.map((each) => each.get(name)?.toString() ?? '_').join(' ');
    const labels = { name: 'routes', store: 'etcd-v3' };
    const expected = (rule: Rule) => ({
      exp_labels: { ...(rule.alert === 'HoldfastSessionLost' ? { store: labels.store } : labels), ...rule.labels },
      exp_annotations: Object.fromEntries(
        Object.entries(rule.annotations).map(([key, text]) => [
          key,
          text.replace('{{ $labels.name }}', labels.name).replace('{{ $labels.store }}', labels.store),
        ]),
      ),
    });
    return {
      rule_files: [RULES],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: [...series].map((name) => ({ series: name, values: valuesOf(name) })),
          alert_rule_test: rules.flatMap((rule) => [
            ...['none', 'none later', ...(rule.alert === 'HoldfastMirrorNewProblem' ? ['no news'] : [])].map(
              (quiet) => ({
                eval_time: `${minutes.get(quiet)}m`,
                alertname: rule.alert,
                exp_alerts: [] as object[],
              }),
            ),
            {
              eval_time: `${minutes.get(rule.alert)}m`,
              alertname: rule.alert,
              exp_alerts: [expected(rule)] as object[],
            },
          ]),
        },
      ],
    };
  }
});
