import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { SessionChannels } from '@holdfast/coordination';
import type { MirrorChannelEvent, MirrorChannels, MirrorFigures, ResyncReason } from '@holdfast/core';
import type { StoreChannels } from '@holdfast/store';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

type Channels = StoreChannels & MirrorChannels & SessionChannels;
type On = <Name extends keyof Channels>(name: Name, listener: (event: Channels[Name]) => void) => void;

const REASONS: readonly ResyncReason[] = ['compacted', 'history-changed', 'unverified', 'behind', 'audit'];

interface MirrorLabels {
  readonly name: string;
  readonly store: string;
}

export interface HoldfastMetrics {
  readonly registry: Registry;
  /** Stops listening: then the channels cost nothing any more. */
  close(): void;
}

/** Metrics of all stores, mirrors and sessions of this process. Make them before the first mirror is opened. */
export function holdfastMetrics(): HoldfastMetrics {
  const registry = new Registry();
  const undo: (() => void)[] = [];
  const on: On = (name, listener) => {
    const onMessage = listener as (event: unknown) => void;
    subscribe(name, onMessage);
    undo.push(() => unsubscribe(name, onMessage));
  };
  storeMetrics(registry, on);
  mirrorMetrics(registry, on);
  sessionMetrics(registry, on);
  return {
    registry,
    close() {
      for (const each of undo) each();
    },
  };
}

function storeMetrics(registry: Registry, on: On): void {
  const calls = new Histogram({
    name: 'holdfast_store_call_duration_seconds',
    help: 'Duration of calls of the store; code is empty where a call succeeded',
    labelNames: ['store', 'operation', 'code'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
    registers: [registry],
  });
  const interruptions = new Counter({
    name: 'holdfast_store_watch_interruptions_total',
    help: 'How often the connection of a watch was lost',
    labelNames: ['store'],
    registers: [registry],
  });
  on('tracing:holdfast:store:call:asyncEnd', ({ store, name: operation, code = '', durationMs = 0 }) => {
    calls.observe({ store, operation, code }, durationMs / 1_000);
  });
  on('holdfast:store:connection', ({ store, status }) => {
    interruptions.inc({ store }, status === 'interrupted' ? 1 : 0);
  });
}

function mirrorMetrics(registry: Registry, on: On): void {
  const common = { labelNames: ['name', 'store'] as const, registers: [registry] };
  const open = new Map<MirrorFigures, MirrorChannelEvent>();
  /** A gauge that reads the open mirrors whenever it is asked. Mirrors may share a name and a kind of store: `merge` joins their figures. */
  const gauge = (
    name: string,
    help: string,
    read: (figures: MirrorFigures) => number | undefined,
    merge: (a: number, b: number) => number,
  ) =>
    new Gauge({
      ...{ name, help, ...common },
      collect() {
        const merged = new Map<string, { readonly labels: MirrorLabels; readonly value: number }>();
        for (const { mirror, store, figures } of open.values()) {
          const value = read(figures);
          if (value === undefined) continue;
          const id = JSON.stringify([mirror, store]);
          const others = merged.get(id)?.value;
          const labels = { name: mirror, store };
          merged.set(id, { labels, value: others === undefined ? value : merge(others, value) });
        }
        this.reset();
        for (const { labels, value } of merged.values()) this.set(labels, value);
      },
    });
  const sum = (a: number, b: number) => a + b;
  gauge(
    'holdfast_mirror_staleness_seconds',
    'For how long the mirror may have missed something: 0 while it is live and connected; the longest of several',
    ({ staleMs }) => (staleMs === undefined ? undefined : staleMs / 1_000),
    Math.max,
  );
  gauge('holdfast_mirror_keys', 'Keys in the mirrored range', ({ keys }) => keys, sum);
  gauge(
    'holdfast_mirror_problems',
    'Keys that cannot be shown as they are in the store',
    ({ problems }) => problems,
    sum,
  );

  const found = new Counter({
    name: 'holdfast_mirror_new_problems_total',
    help: 'How often a value came that cannot be shown',
    ...common,
  });
  const changes = new Counter({ name: 'holdfast_mirror_changes_total', help: 'Keys that changed', ...common });
  const lag = new Histogram({
    name: 'holdfast_mirror_step_lag_seconds',
    help: 'From the arrival of a batch until its changes are visible',
    ...common,
    buckets: [0.001, 0.01, 0.1, 1, 10],
  });
  const resyncs = new Counter({
    name: 'holdfast_mirror_resyncs_total',
    help: 'How often the mirror read again instead of following',
    labelNames: ['name', 'store', 'reason'],
    registers: [registry],
  });
  const audits = new Counter({
    name: 'holdfast_mirror_audits_total',
    help: 'Comparisons with the store, by their result',
    labelNames: ['name', 'store', 'result'],
    registers: [registry],
  });

  on('holdfast:mirror:load', ({ mirror: name, store, figures }) => {
    if (figures.status === 'closed') return;
    // A counter that begins with its first event hides that event from increase().
    for (const reason of REASONS) resyncs.inc({ name, store, reason }, 0);
    changes.inc({ name, store }, 0);
    found.inc({ name, store }, 0);
  });
  on('holdfast:mirror:state', (event) => {
    if (event.status === 'closed') open.delete(event.figures);
    else open.set(event.figures, event);
  });
  on('holdfast:mirror:step', ({ mirror: name, store, changed, lagMs }) => {
    changes.inc({ name, store }, changed);
    lag.observe({ name, store }, lagMs / 1_000);
  });
  on('holdfast:mirror:problem', ({ mirror: name, store }) => {
    found.inc({ name, store });
  });
  on('holdfast:mirror:resync', ({ mirror: name, store, reason }) => {
    resyncs.inc({ name, store, reason });
  });
  on('holdfast:mirror:audit', ({ mirror: name, store, result }) => {
    audits.inc({ name, store, result });
  });
}

function sessionMetrics(registry: Registry, on: On): void {
  const common = { labelNames: ['store'] as const, registers: [registry] };
  const sessions = new Gauge({ name: 'holdfast_sessions', help: 'Sessions that are open', ...common });
  const lost = new Counter({
    name: 'holdfast_session_lost_total',
    help: 'Sessions that were lost, with all that was held under them',
    ...common,
  });
  on('holdfast:session:state', ({ store, state }) => {
    sessions.inc({ store }, state === 'open' ? 1 : -1);
    lost.inc({ store }, state === 'lost' ? 1 : 0);
  });
}
