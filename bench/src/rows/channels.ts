import { channel, subscribe, type Channel } from 'node:diagnostics_channel';
import { json, mirror } from '@holdfast/core';
import { memoryStore } from '@holdfast/memory';
import { keyOf } from '../data/dataset.js';
import type { Figures, Metric, Row } from '../harness/row.js';
import { number } from '../harness/task.js';

const PREFIX = '/bench/';
const VALUE = '{"n":1}';

const CALLS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((name) => `tracing:holdfast:store:call:${name}`);
const OTHERS = [
  'store:connection',
  ...['mirror:load', 'mirror:step', 'mirror:resync', 'mirror:state', 'mirror:problem', 'mirror:audit'],
  'session:state',
];
const CHANNELS = [...CALLS, ...OTHERS.map((name) => `holdfast:${name}`)];

const metrics: Record<string, Metric> = {
  get: { label: 'get', unit: 'ns' },
  change: { label: 'put → change', unit: 'ns' },
  check: { label: 'looks at hasSubscribers, of one get', unit: 'ns' },
  events: { label: 'events that subscribers got', unit: 'count' },
};

async function time(operations: number, operation: (index: number) => unknown): Promise<number> {
  const began = process.hrtime.bigint();
  for (let index = 0; index < operations; index += 1) await operation(index);
  return Number(process.hrtime.bigint() - began) / operations;
}

/** What each call asks before it goes its usual way. */
function timeChecks(operations: number): number {
  const [start, end, asyncStart, asyncEnd, error] = CALLS.map((name) => channel(name)) as [
    Channel,
    Channel,
    Channel,
    Channel,
    Channel,
  ];
  let heard = 0;
  const began = process.hrtime.bigint();
  for (let index = 0; index < operations; index += 1) {
    if (start.hasSubscribers || asyncEnd.hasSubscribers || error.hasSubscribers) heard += 1;
    if (asyncStart.hasSubscribers || end.hasSubscribers) heard += 1;
  }
  return Number(process.hrtime.bigint() - began) / operations + heard;
}

async function measure(operations: number): Promise<Figures> {
  const store = memoryStore();
  for (let index = 0; index < 1_000; index += 1) await store.put(keyOf(PREFIX, index), VALUE);
  const mirrored = await mirror(store, { prefix: PREFIX, codec: json() });
  let changed: () => void = () => undefined;
  mirrored.on('change', () => {
    changed();
  });
  const key = (index: number) => keyOf(PREFIX, index % 1_000);
  const get = () => time(operations, (index) => store.get(key(index)));
  const change = () =>
    time(operations, async (index) => {
      const seen = new Promise<void>((resolve) => {
        changed = resolve;
      });
      await store.put(key(index), `{"n":${index}}`);
      await seen;
    });
  await get();
  await change();
  const figures = { get: await get(), change: await change() };
  await mirrored.close();
  await store.close();
  return figures;
}

export const row: Row = {
  name: 'channels',
  title: 'Diagnostics channels, with and without subscribers',
  about:
    'A `get` of the memory store, and the time from a `put` until a mirror of a thousand keys tells of the change, in the process itself. On one side nobody listens; on the other, a subscriber that only counts listens to every channel. The looks at `hasSubscribers` are what a call pays where nobody listens.',
  server: 'none',
  ours: ['silent', 'heard'],
  sides: {
    silent: {
      label: 'nobody listens',
      async run({ params }) {
        const operations = number(params, 'operations');
        timeChecks(operations);
        return { figures: { ...(await measure(operations)), check: timeChecks(operations), events: 0 } };
      },
    },
    heard: {
      label: 'every channel has a subscriber',
      async run({ params }) {
        let events = 0;
        for (const name of CHANNELS) {
          subscribe(name, () => {
            events += 1;
          });
        }
        return { figures: { ...(await measure(number(params, 'operations'))), events } };
      },
    },
  },
  metrics,
  goals: [
    {
      what: 'diagnostics channels without subscribers, cost of a get',
      ours: { side: 'silent', metric: 'check' },
      kind: 'at-most',
      limit: 100,
    },
    {
      what: 'diagnostics channels without subscribers, get, against subscribers on every channel',
      ours: { side: 'silent', metric: 'get' },
      kind: 'ratio',
      peer: { side: 'heard', metric: 'get' },
      limit: 1,
    },
    {
      what: 'diagnostics channels without subscribers, put → change, against subscribers on every channel',
      ours: { side: 'silent', metric: 'change' },
      kind: 'ratio',
      peer: { side: 'heard', metric: 'change' },
      limit: 1,
    },
  ],
  async start(bench) {
    const { operations } = bench.scale;
    return () => bench.inTurn({ operations });
  },
};
