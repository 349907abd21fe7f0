/** The sizes of a run. All follow from the number of keys, so that a small run is small everywhere. */
export interface Scale {
  readonly keys: number;
  /** Keys that are read to warm up. */
  readonly warmupKeys: number;
  /** The smaller prefix of rows that write a lot to it. */
  readonly smallKeys: number;
  /** Revisions that a mirror misses before it comes back. */
  readonly missed: number;
  /** Keys that differ at a resync. */
  readonly changed: number;
  /** Key counts of the growth row. */
  readonly growth: readonly number[];
  /** Writes of the latency rows, at `rate` a second. */
  readonly writes: number;
  readonly rate: number;
  readonly mirrors: number;
  readonly idleMs: number;
  /** Key counts of the memory store's row. */
  readonly memoryKeys: readonly number[];
  readonly fanOut: number;
  readonly soakMs: number;
}

export const FULL_KEYS = 100_000;

export function scaleOf(keys: number): Scale {
  const part = (share: number): number => Math.max(1, Math.round(keys * share));
  return {
    keys,
    warmupKeys: part(0.1),
    smallKeys: part(0.1),
    missed: part(0.2),
    changed: part(0.001),
    growth: [part(0.01), part(0.1), keys, 3 * keys],
    writes: part(0.03),
    rate: 1000,
    mirrors: part(0.01),
    idleMs: Math.max(100, part(0.12)),
    memoryKeys: [part(0.01), part(0.1), keys, 10 * keys],
    fanOut: part(0.01),
    soakMs: 6 * keys,
  };
}
