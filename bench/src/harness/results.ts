import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** The results of one row against one server. */
export interface RowResult {
  readonly row: string;
  /** The etcd version, or `''` if no server takes part. */
  readonly server: string;
  /** When it ended, as an ISO date. */
  readonly at: string;
  /** The commit that was measured, with `+` where the sources differed from it. */
  readonly commit: string;
  readonly keys: number;
  /** In rows of fleets: how many clients. */
  readonly clients?: number;
  /** The load average of the minute before the row began. */
  readonly load: number;
  /** Side → metric → one figure for each round. */
  readonly figures: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
}

export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly options: string;
}

export interface Results {
  readonly machine: string;
  readonly node: string;
  readonly peers: readonly Peer[];
  readonly rows: readonly RowResult[];
}

export function readResults(file: string): Results | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : undefined;
}

export function writeResults(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, rounded, 1)}\n`);
}

/** New results replace older ones of the same row, server and size. The others stay. */
export function mergeResults(older: Results | undefined, newer: Results): Results {
  const id = ({ row, server }: RowResult): string => `${row} ${server}`;
  const measured = new Set(newer.rows.map(id));
  const kept = older?.rows.filter((row) => !measured.has(id(row))) ?? [];
  return { ...newer, rows: [...kept, ...newer.rows] };
}

/** Five significant digits: no figure here is more precise. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(Number.isInteger(value) ? 15 : 5)) : value;
}
