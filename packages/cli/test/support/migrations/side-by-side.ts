import { Arena, contentOf, type Losses, pause, PREFIX } from './arena.js';
import { MIRROR_FAULTS } from './mirror-faults.js';
import type { MoverProgram } from './mover.js';

export interface FaultRow extends Losses {
  readonly fault: string;
  readonly contender: string;
  /** Keys of others that were overwritten or deleted. */
  readonly overwritten: number;
  /** More that was wrong. */
  readonly more: Readonly<Record<string, number>>;
  /** Whether it carries over what is written afterwards. */
  readonly goesOn: boolean;
  /** What it said each time that it ended by itself. */
  readonly ends: readonly string[];
}

export interface SpeedRow {
  readonly contender: string;
  /** Milliseconds until all keys are there. */
  readonly copyMs: number;
  /** Milliseconds until the last of many writes, made as quickly as the source takes them, is there. */
  readonly burstMs: number;
  /** Milliseconds from the acknowledgement of a write until it is in the target. */
  readonly lagMs: { readonly median: number; readonly p99: number };
}

/** One fault, on both at once. */
export async function runFault(
  fault: string,
  version: string,
  program: MoverProgram,
  seed: number,
): Promise<readonly FaultRow[]> {
  const arena = await Arena.start(version, program, seed);
  try {
    await arena.fill(200);
    arena.startContenders();
    const began = await arena.caughtUp();
    if (began.includes(false)) throw new Error(`${fault}: a contender never began: ${JSON.stringify(began)}`);
    const { foreign = new Map<string, string>(), counts = [] } = (await MIRROR_FAULTS[fault]?.(arena)) ?? {};
    const goOn = await arena.caughtUp();
    const rows: FaultRow[] = [];
    for (const [n, corner] of arena.corners.entries()) {
      const there = await contentOf(corner.target);
      rows.push({
        fault,
        contender: corner.contender.name,
        ...(await arena.losses(corner, new Set(foreign.keys()))),
        overwritten: [...foreign].filter(([key, value]) => there.get(key) !== value).length,
        more: counts[n] ?? {},
        goesOn: goOn[n] ?? false,
        ends: corner.contender.ends,
      });
    }
    return rows;
  } finally {
    await arena.close();
  }
}

/** How quick they are: one after the other, each alone with the source. */
export async function runSpeed(version: string, program: MoverProgram, keys: number): Promise<readonly SpeedRow[]> {
  const rows: SpeedRow[] = [];
  for (const index of [0, 1]) {
    const arena = await Arena.start(version, program, 1);
    try {
      const corner = arena.corners[index];
      if (corner === undefined) continue;
      const { contender, target } = corner;
      await arena.fill(keys);
      const began = performance.now();
      contender.start();
      const count = async () => (await target.list({ prefix: PREFIX }, { countOnly: true })).count;
      while ((await count()) < keys) await pause(20);
      const copyMs = performance.now() - began;
      const [lags, burstMs] = await follow(arena, index, Math.min(keys, 5_000));
      lags.sort((a, b) => a - b);
      const at = (part: number) => Math.round((lags[Math.floor((lags.length - 1) * part)] ?? Infinity) * 10) / 10;
      rows.push({
        contender: contender.name,
        copyMs: Math.round(copyMs),
        burstMs: Math.round(burstMs),
        lagMs: { median: at(0.5), p99: at(0.99) },
      });
    } finally {
      await arena.close();
    }
  }
  return rows;
}

/** Lags of single writes, and how long many at once take. */
async function follow(arena: Arena, index: number, writes: number): Promise<readonly [number[], number]> {
  const target = arena.corners[index]?.target;
  const arrivals = new Map<string, number>();
  const watch = target?.watch({ prefix: `${PREFIX}lag/` });
  await watch?.ready;
  const reading = (async () => {
    if (watch === undefined) return;
    for await (const { events } of watch) {
      for (const event of events) if (event.type === 'put') arrivals.set(event.current.key, performance.now());
    }
  })();
  const until = async (size: number) => {
    const deadline = performance.now() + 60_000;
    while (arrivals.size < size && performance.now() < deadline) await pause(1);
  };
  const lags: number[] = [];
  for (let n = 0; n < 300; n += 1) {
    const key = `${PREFIX}lag/single/${n}`;
    await arena.source.put(key, 'x');
    const acknowledged = performance.now();
    await until(n + 1);
    lags.push((arrivals.get(key) ?? Infinity) - acknowledged);
  }
  const began = performance.now();
  for (let n = 0; n < writes; n += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, k) => arena.source.put(`${PREFIX}lag/burst/${n + k}`, 'x')));
  }
  await until(300 + writes);
  const burstMs = performance.now() - began;
  await watch?.close();
  await reading;
  return [lags, burstMs];
}
