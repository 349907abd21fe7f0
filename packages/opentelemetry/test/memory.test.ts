import { channel } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import { json, mirror, type Mirror } from '@holdfast/core';
import { openSession } from '@holdfast/coordination';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { HoldfastInstrumentation } from '@holdfast/opentelemetry';
import { withPrefix } from '@holdfast/store';
import { virtualClock } from '@holdfast/testkit';
import { VERSION } from '../src/version.js';
import { Sdk } from './support/sdk.js';

let sdk: Sdk | undefined;
afterEach(async () => {
  await sdk?.close();
  sdk = undefined;
});

/** Has a mirror read again by itself: what it missed is compacted. */
async function resync(store: MemoryStore, opened: Mirror<unknown>): Promise<void> {
  const reconnect = store.interrupt();
  await store.put('/app/b', '2');
  const { revision } = await store.put('/app/b', '3');
  await store.compact(revision);
  reconnect();
  await opened.waitFor(revision);
}

const MEMORY = { 'db.system.name': 'memory' };

test('fits the interface of OpenTelemetry, and says its version', () => {
  const instrumentation: Instrumentation = new HoldfastInstrumentation({ enabled: false });
  expect(instrumentation).toMatchObject({
    instrumentationName: '@holdfast/opentelemetry',
    instrumentationVersion: VERSION,
  });
  const manifest = readFileSync(join(__dirname, '..', 'package.json'), 'utf8');
  expect(JSON.parse(manifest)).toMatchObject({ version: VERSION });
});

test('measures calls in seconds, by operation and error', async () => {
  sdk = new Sdk();
  const clock = virtualClock();
  const store = memoryStore({ clock });
  await store.put('/secret-key', 'secret-value');
  await withPrefix(store, '/secret-').get('key');
  await store.get('').catch(() => undefined);
  const { unit, points } = (await sdk.metrics()).get('db.client.operation.duration')!;
  expect(unit).toBe('s');
  const counted = points.map(({ attributes, value }) => ({ ...attributes, count: (value as { count: number }).count }));
  expect(counted).toEqual([
    { ...MEMORY, 'db.operation.name': 'put', count: 1 },
    { ...MEMORY, 'db.operation.name': 'get', count: 1 },
    { ...MEMORY, 'db.operation.name': 'get', 'error.type': 'invalid-argument', count: 1 },
  ]);
  expect((points[0]?.value as { buckets: { boundaries: number[] } }).buckets.boundaries).toContain(0.005);
  expect(JSON.stringify([points, sdk.spans()])).not.toContain('secret');
  await store.close();
});

test('makes a client span of each call, below the one that is active', async () => {
  sdk = new Sdk();
  const store = memoryStore();
  const outer = sdk.tracerProvider.getTracer('test').startSpan('outer');
  await context.with(trace.setSpan(context.active(), outer), async () => {
    await store.put('/a', '1');
    await store.leases.revoke('77').catch(() => undefined);
  });
  await store.get('/a');
  expect(sdk.spans()).toEqual([
    {
      ...{ name: 'put', kind: SpanKind.CLIENT, parent: outer.spanContext().spanId },
      attributes: { ...MEMORY, 'db.operation.name': 'put' },
      status: { code: SpanStatusCode.UNSET },
    },
    {
      ...{ name: 'leases.revoke', kind: SpanKind.CLIENT, parent: outer.spanContext().spanId },
      attributes: {
        ...MEMORY,
        'db.operation.name': 'leases.revoke',
        'error.type': 'lease-not-found',
        'holdfast.outcome': 'not-applied',
      },
      status: { code: SpanStatusCode.ERROR, message: 'lease-not-found' },
    },
    expect.objectContaining({ name: 'get', parent: undefined }),
  ]);
  await store.close();
});

test('requireParentSpan leaves out what has no parent', async () => {
  sdk = new Sdk({ requireParentSpan: true });
  const store = memoryStore();
  await store.put('/a', '1');
  const outer = sdk.tracerProvider.getTracer('test').startSpan('outer');
  await context.with(trace.setSpan(context.active(), outer), () => store.get('/a'));
  expect(sdk.spans().map(({ name }) => name)).toEqual(['get']);
  await store.close();
});

test('a mirror that is opened within a span makes its calls without a parent', async () => {
  sdk = new Sdk();
  const store = memoryStore();
  const tracer = sdk.tracerProvider.getTracer('test');
  const opened = await tracer.startActiveSpan('request', async (span) => {
    const mirrored = await mirror(store, { prefix: '/app/', codec: json(), name: 'routes' });
    span.end();
    return mirrored;
  });
  const calls = () => sdk!.spans().filter(({ name }) => !['request', 'put', 'compact'].includes(name));
  const loading = calls().length;
  expect(loading).toBeGreaterThan(0);
  await resync(store, opened);
  expect(calls().length).toBeGreaterThan(loading);
  expect(calls().filter(({ parent }) => parent !== undefined)).toEqual([]);
  await opened.close();
  await store.close();
});

test('requireParentSpan leaves out the calls of a mirror that is opened within a span', async () => {
  sdk = new Sdk({ requireParentSpan: true });
  const store = memoryStore();
  const tracer = sdk.tracerProvider.getTracer('test');
  const opened = await tracer.startActiveSpan('request', async (span) => {
    await store.put('/app/a', '1');
    const mirrored = await mirror(store, { prefix: '/app/', codec: json(), name: 'routes' });
    span.end();
    return mirrored;
  });
  await resync(store, opened);
  expect(sdk.spans().map(({ name }) => name)).toEqual(['put', 'request']);
  await opened.close();
  await store.close();
});

test('disable ends the spans of calls that are under way', async () => {
  sdk = new Sdk();
  const store = memoryStore();
  const putting = store.put('/a', '1');
  sdk.instrumentation.disable();
  expect(sdk.spans()).toMatchObject([{ name: 'put', status: { code: SpanStatusCode.UNSET } }]);
  await putting;
  expect(sdk.spans()).toHaveLength(1);
  await store.close();
});

test('observes mirrors by their name: keys, problems and staleness, until they are closed', async () => {
  sdk = new Sdk();
  const store = memoryStore();
  await store.put('/app/a', '1');
  await store.put('/app/bad', 'no JSON');
  const open = () => mirror(store, { prefix: '/app/', codec: json(), name: 'routes' });
  const mirrors = await Promise.all([open(), open()]);
  const attributes = { name: 'routes', ...MEMORY };
  const all = await sdk.metrics();
  expect(all.get('holdfast.mirror.keys')).toMatchObject({ points: [{ attributes, value: 4 }] });
  expect(all.get('holdfast.mirror.problems')).toMatchObject({ points: [{ attributes, value: 2 }] });
  expect(all.get('holdfast.mirror.staleness')).toMatchObject({ unit: 's', points: [{ attributes, value: 0 }] });
  await mirrors[1]?.close();
  expect((await sdk.metrics()).get('holdfast.mirror.keys')?.points).toEqual([{ attributes, value: 2 }]);
  await mirrors[0]?.close();
  const after = [];
  for (let n = 0; n < 5; n += 1) after.push((await sdk.metrics()).get('holdfast.mirror.keys')?.points ?? []);
  const zero = [{ attributes, value: 0 }];
  expect(after).toEqual([zero, zero, zero, [], []]);
  await store.close();
});

test('with cumulative temporality, the gauges of a closed mirror go to 0 and stay there', async () => {
  sdk = new Sdk({}, AggregationTemporality.CUMULATIVE);
  const clock = virtualClock();
  const store = memoryStore({ clock });
  await store.put('/app/bad', 'no JSON');
  const open = () => mirror(store, { prefix: '/app/', codec: json(), name: 'routes', clock });
  const valuesOf = async () => {
    const all = await sdk!.metrics();
    return ['keys', 'problems', 'staleness'].map((name) =>
      all.get(`holdfast.mirror.${name}`)?.points.map(({ value }) => value),
    );
  };
  const first = await open();
  const reconnect = store.interrupt();
  await clock.advance(60_000);
  expect(await valuesOf()).toEqual([[1], [1], [expect.any(Number)]]);
  expect((await valuesOf())[2]).not.toEqual([0]);
  await first.close();
  for (let n = 0; n < 5; n += 1) expect(await valuesOf()).toEqual([[0], [0], [0]]);
  reconnect();
  const second = await open();
  expect(await valuesOf()).toEqual([[1], [1], [0]]);
  await second.close();
  expect(await valuesOf()).toEqual([[0], [0], [0]]);
  await store.close();
});

test('counts sessions that were lost, and not those that were closed', async () => {
  sdk = new Sdk();
  const clock = virtualClock();
  const store = memoryStore({ clock });
  const [lost, closed] = [await openSession(store, { clock }), await openSession(store, { clock })];
  await closed.close();
  await store.leases.revoke(lost.lease);
  while (!lost.signal.aborted) await clock.advance(100);
  expect((await sdk.metrics()).get('holdfast.session.lost')?.points).toEqual([{ attributes: MEMORY, value: 1 }]);
  await store.close();
});

test('listens to nothing once it is disabled, and again when it is enabled', async () => {
  const names = ['tracing:holdfast:store:call:asyncEnd', 'holdfast:mirror:state', 'holdfast:session:state'];
  const heard = () => names.map((name) => channel(name).hasSubscribers);
  // The channels are those of the process, in which other test files may have left subscribers.
  const before = heard();
  sdk = new Sdk();
  expect(heard()).toEqual([true, true, true]);
  sdk.instrumentation.disable();
  sdk.instrumentation.disable();
  expect(heard()).toEqual(before);
  const store = memoryStore();
  await store.put('/a', '1');
  expect(sdk.spans()).toEqual([]);
  sdk.instrumentation.enable();
  sdk.instrumentation.enable();
  await store.put('/a', '1');
  expect(sdk.spans()).toHaveLength(1);
  await store.close();
});
