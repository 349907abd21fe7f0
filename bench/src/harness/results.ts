import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** What one row measured against one server. */
export interface RowResult {
  readonly row: string;
  /** The etcd version, or `''` where there is no server in it. */
  readonly server: string;
  /** When it ended, as an ISO date. */
  readonly at: string;
  /** The commit that was measured, with `+` where the sources differed from it. */
  readonly commit: string;
  readonly keys: number;
  /** What else the machine was doing when it began: the load average of the minute before. */
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
  writeFileSync(file, `${JSON.stringify(results, rounded, 1)}\n`);
}

/** New rows take the place of older ones of the same name, server and size; what was not measured stays. */
export function mergeResults(older: Results | undefined, newer: Results): Results {
  const id = ({ row, server }: RowResult): string => `${row} ${server}`;
  const measured = new Set(newer.rows.map(id));
  const kept = older?.rows.filter((row) => !measured.has(id(row))) ?? [];
  return { ...newer, rows: [...kept, ...newer.rows] };
}

/** Five significant digits: no figure here is known better. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(Number.isInteger(value) ? 15 : 5)) : value;
}
