import { Fleet, type FleetOptions } from './fleet.js';
import { MODEL } from '../server/model-timers.js';
import type { Scenario } from './scenario.js';

/** What came of a scenario. Times are in seconds, CPU time in seconds of one core. */
export interface Result {
  readonly scenario: string;
  readonly mirrors: number;
  readonly keys: number;
  readonly site: string;
  readonly seed: number;
  /** Until all mirrors were equal and live at the same moment; `null` if they were not in the time that was simulated. */
  readonly liveAfter: number | null;
  /** The same for a part of the mirrors, each for the first time. */
  readonly liveQuantiles: { readonly p50: number | null; readonly p99: number | null; readonly last: number | null };
  readonly simulated: number;
  readonly serverCpu: number;
  /** Until half a minute after all were live. */
  readonly serverCpuAtRest: number;
  readonly requests: Readonly<Record<string, number>>;
  /** Reads that a mirror gave up as too late. */
  readonly timeouts: number;
  readonly lostPings: number;
  readonly resyncs: number;
  /** The most that was asked for within one second. */
  readonly burst: { readonly requests: number; readonly cpu: number };
  /** CPU milliseconds that the server spent, by second. */
  readonly load: readonly number[];
  /** Mirrors that were not live at the end, or not equal to the server. */
  readonly unequal: number;
}

/** In milliseconds. */
const DOWN_MS = 3_000;
const START_MS = 400;
const SETTLE_MS = 30_000;
const SETTLE_SPREAD_MS = 10_000;
const REST_MS = 35_000;
const LOOK_MS = 50;

export interface RunOptions extends FleetOptions {
  readonly scenario: Scenario;
  /** The longest time to simulate, in milliseconds. */
  readonly mostMs: number;
  readonly tell?: ((line: string) => void) | undefined;
}

export async function run(options: RunOptions): Promise<Result> {
  const { scenario, mostMs, mirrors, keys, site, seed, tell } = options;
  const fleet = new Fleet(options);
  const { clock, server } = fleet;
  try {
    await begin(fleet, scenario);
    tell?.(`${mirrors} mirrors ready; heap ${Math.round(process.memoryUsage().heapUsed / 2 ** 20)} MiB`);
    server.load.begin();
    if (scenario.begins === 'lost server') server.start();
    const began = clock.now;
    let isWritten = false;
    if (scenario.begins === 'not started') fleet.open();
    write(fleet, scenario, () => {
      isWritten = true;
    });
    const stopWriting = writeElsewhere(fleet, site.writesPerSecond);
    const firstLive: number[] = [];
    const waiting = new Set(fleet.clients);
    let told = 0;
    const isLive = await fleet.until(
      () => {
        if (!isWritten) return false;
        for (const client of waiting) {
          if (!client.isAt(server.history.changed)) continue;
          waiting.delete(client);
          firstLive.push(clock.now - began);
        }
        if (clock.now - began - told >= 10_000) {
          told = clock.now - began;
          tell?.(
            `${told / 1000} s: ${mirrors - waiting.size} were live, ${Math.round(server.load.cpuMs)} ms CPU, ${server.processor.waiting} wait`,
          );
        }
        return waiting.size === 0 && fleet.isLive;
      },
      mostMs,
      LOOK_MS,
    );
    const liveAfter = isLive ? seconds(clock.now - began) : null;
    const serverCpu = seconds(server.load.cpuMs);
    stopWriting();
    if (isLive) await clock.advance(REST_MS);
    const at = (part: number): number | null => {
      const value = firstLive[Math.ceil(part * mirrors) - 1];
      return value === undefined ? null : seconds(value);
    };
    const { load } = server;
    return {
      scenario: scenario.name,
      mirrors,
      keys,
      site: site.name,
      seed,
      liveAfter,
      liveQuantiles: { p50: at(0.5), p99: at(0.99), last: at(1) },
      simulated: seconds(clock.now - began),
      serverCpu,
      serverCpuAtRest: seconds(load.cpuMs),
      requests: load.kinds,
      timeouts: sum(fleet.clients.map(({ timeouts }) => timeouts)),
      lostPings: sum(fleet.clients.map(({ lostPings }) => lostPings)),
      resyncs: sum(fleet.clients.map(({ resyncs }) => resyncs)),
      burst: { requests: most(load.requestsBySecond), cpu: seconds(most(load.demandBySecond)) },
      load: load.cpuBySecond.map(Math.round),
      unequal: unequal(fleet),
    };
  } finally {
    await fleet.close();
  }
}

/** Brings the fleet to where the scenario begins, at no cost. */
async function begin(
  fleet: Fleet,
  { begins, isWrittenBefore, transactions, keysEach, isCompacted }: Scenario,
): Promise<void> {
  const { clock, server } = fleet;
  if (begins === 'not started') return;
  fleet.isFree = true;
  fleet.open();
  if (!(await fleet.until(() => fleet.isLive, 60_000, LOOK_MS))) throw new Error('the fleet did not start');
  // Proofs spread over their period.
  await clock.advance(SETTLE_MS + SETTLE_SPREAD_MS);
  fleet.isFree = false;
  if (begins === 'following') return;
  server.kill();
  if (isWrittenBefore === true) {
    for (let index = 0; index < transactions; index += 1) server.history.put(index, keysEach);
    if (isCompacted) server.history.compact(server.history.head);
  }
  await clock.advance(DOWN_MS + START_MS);
}

function write(fleet: Fleet, scenario: Scenario, done: () => void): void {
  const { server } = fleet;
  const { transactions, keysEach, isCompacted, isWrittenBefore } = scenario;
  if (isWrittenBefore === true) {
    done();
    return;
  }
  let written = 0;
  const next = (): void => {
    if (written < transactions) {
      server.write(written, keysEach, () => {
        written += 1;
        next();
      });
      return;
    }
    if (isCompacted) server.history.compact(server.history.head);
    done();
  };
  next();
}

/** Another client, which does not wait for its answers. Returns what ends it. */
function writeElsewhere({ clock, server }: Fleet, perSecond: number): () => void {
  let isOver = perSecond === 0;
  const next = (): void => {
    if (isOver) return;
    server.writeElsewhere();
    clock.set(MODEL, next, 1_000 / perSecond);
  };
  next();
  return () => {
    isOver = true;
  };
}

/** Each client's content against the server's. */
function unequal(fleet: Fleet): number {
  const { history } = fleet.server;
  const truth = new Map(
    history.at(undefined).map(({ key, value }) => [key.slice(history.prefix.length), decode(value)]),
  );
  return fleet.clients.filter((client) => {
    const content = client.content();
    return content.length !== truth.size || content.some(([key, value]) => truth.get(key) !== value);
  }).length;
}

const decoder = new TextDecoder();
const decode = (value: Uint8Array): unknown => JSON.parse(decoder.decode(value));

const seconds = (ms: number): number => Math.round(ms / 10) / 100;
const sum = (all: readonly number[]): number => all.reduce((total, each) => total + each, 0);
const most = (all: readonly number[]): number => all.reduce((highest, each) => Math.max(highest, each), 0);
