import type { Unit } from './row.js';
import type { Summary } from './stats.js';

/** A figure with its unit: `1,234 ms`, `53.1 MB`. */
export function format(value: number, unit: Unit): string {
  const shown = unit === 'MB' ? value / 1e6 : value;
  return unit === 'count' ? number(shown) : `${number(shown)} ${unit}`;
}

/** The median, with the smallest and the largest figure if they differ. */
export function formatSummary({ median, min, max }: Summary, unit: Unit): string {
  const [shown, low, high] = [median, min, max].map((value) => number(unit === 'MB' ? value / 1e6 : value));
  const figure = format(median, unit);
  return low === shown && high === shown ? figure : `${figure} (${low}–${high})`;
}

export function formatRatio({ median, min, max }: Summary): string {
  return `${number(median)} (${number(min)}–${number(max)})`;
}

function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits });
}

/** A server for readers: etcd's are known by their version alone. */
export function serverName(server: string): string {
  return /^\d/.test(server) ? `etcd ${server}` : server;
}
