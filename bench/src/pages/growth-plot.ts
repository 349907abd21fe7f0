import { plot, type Panel, type Series } from './plot.js';
import type { RowResult } from '../harness/results.js';
import type { Row } from '../harness/row.js';
import { summarize } from '../harness/stats.js';

const COLORS: Readonly<Record<string, string>> = {
  lazy: '#0b6e4f',
  eager: '#2f7fd1',
  etcd3: '#c0392b',
  http2: '#888888',
};

/** Time and stall against the number of keys, from the growth row. */
export function growthPlot(row: Row, result: RowResult, sizes: readonly string[]): string {
  const panel = (title: string, metric: string): Panel => ({
    title: `${title}, etcd ${result.server}`,
    series: Object.entries(row.sides).map(([side, { label }]) => seriesOf(result, { side, label, metric, sizes })),
  });
  return plot([panel('Time until loaded, ms', 'ms'), panel('Longest event-loop stall, ms', 'stallMs')], 'keys');
}

function seriesOf(
  { figures }: RowResult,
  { side, label, metric, sizes }: { side: string; label: string; metric: string; sizes: readonly string[] },
): Series {
  const of = (name: string): readonly number[] => figures[side]?.[name] ?? [];
  const points = sizes.map((size) => {
    const { median, min, max } = summarize(of(`${metric}@${size}`));
    return { x: summarize(of(`keys@${size}`)).median, y: median, low: min, high: max };
  });
  return { label, color: COLORS[side] ?? '#000000', points };
}
