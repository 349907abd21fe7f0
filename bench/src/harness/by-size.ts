import type { Figures, Metric } from './row.js';

/** The metrics of a row that loads prefixes of several sizes. */
export function metricsBySize(sizes: readonly string[]): Record<string, Metric> {
  const metrics: Record<string, Metric> = {};
  for (const size of sizes) {
    metrics[`keys@${size}`] = { label: `keys, ${size}`, unit: 'count' };
    metrics[`ms@${size}`] = { label: `time, ${size}`, unit: 'ms' };
    metrics[`stallMs@${size}`] = { label: `longest stall, ${size}`, unit: 'ms' };
    metrics[`perKey@${size}`] = { label: `time a key, ${size}`, unit: 'µs' };
  }
  return metrics;
}

/** The figures of one load as those metrics. Not every side tells its stall. */
export function figuresAt(size: string, keys: number, { ms = NaN, stallMs }: Figures): Record<string, number> {
  return {
    [`keys@${size}`]: keys,
    [`ms@${size}`]: ms,
    ...(stallMs !== undefined && { [`stallMs@${size}`]: stallMs }),
    [`perKey@${size}`]: (1000 * ms) / keys,
  };
}

/** Where the keys of a size are. */
export function prefixOf(size: string): string {
  return `/bench/${size}/`;
}
