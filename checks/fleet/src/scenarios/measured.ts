import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from './run.js';
import { type Site, sites } from './site.js';

export type Span = readonly [least: number, most: number];

/** What a real fleet came to: its figures are what the simulation must reproduce. Times are in seconds. */
export interface MeasuredRow {
  readonly name: string;
  readonly scenario: string;
  /** The commit of the mirrors. */
  readonly core: string;
  /** How many threads of other programs ran on the machine: by the share of CPU time that was left, or else the number that fits best. */
  readonly others: number;
  readonly othersAre: 'by shares' | 'fitted';
  /** So many writes a second came from another client meanwhile. */
  readonly writesPerSecond?: number;
  readonly serverCpu?: Span;
  readonly liveAfter?: Span;
  readonly aborted?: Span;
  /** Where a figure is not reproduced within a factor of 1.5: how far it may be off, and why. */
  readonly limits?: Partial<Record<Figure, number>>;
  readonly why?: string;
}

export interface Measured {
  readonly about: string;
  readonly rows: readonly MeasuredRow[];
}

export const MEASURED_FLEET = { mirrors: 300, keys: 10_000 } as const;

/** @param folder that of this package */
export function readMeasured(folder: string): Measured {
  return JSON.parse(readFileSync(join(folder, 'measured.json'), 'utf8')) as Measured;
}

/** The machine of a row. */
export function siteOfRow({ others, writesPerSecond = 0 }: MeasuredRow): Site {
  const threads = others === 0 ? '' : `, with ${others} other threads`;
  const writes = writesPerSecond === 0 ? '' : `, and ${writesPerSecond} other writes a second`;
  return { ...sites.bench, name: `bench${threads}${writes}`, others, writesPerSecond };
}

/** A fleet near its limit is a matter of chance, so that measured figures are spans over runs, and simulated ones spans over seeds. */
export const MEASURED_SEEDS = [1, 2, 3, 4, 5] as const;

/** By which factor two spans are apart; 1 if they overlap. */
export function factorBetween([least, most]: Span, [measuredLeast, measuredMost]: Span): number {
  // Nothing is equal to nothing, by which nothing can be divided.
  if (least <= measuredMost && measuredLeast <= most) return 1;
  return Math.max(least / measuredMost, measuredLeast / most);
}

export type Figure = 'serverCpu' | 'liveAfter' | 'aborted';

export interface Comparison {
  readonly figure: Figure;
  readonly measured: Span;
  readonly simulated: Span;
  readonly factor: number;
}

/** Those of the results that simulate a row: one for each seed. */
export function resultsOf(row: MeasuredRow, results: readonly Result[]): readonly Result[] {
  const { name } = siteOfRow(row);
  return results.filter(
    ({ scenario, site, mirrors }) => scenario === row.scenario && site === name && mirrors === MEASURED_FLEET.mirrors,
  );
}

/** The figures that a row has, as measured and as simulated. */
export function compare(row: MeasuredRow, results: readonly Result[]): readonly Comparison[] {
  const valueOf: Readonly<Record<Figure, (result: Result) => number>> = {
    serverCpu: ({ serverCpu }) => serverCpu,
    liveAfter: ({ liveAfter }) => liveAfter ?? Infinity,
    aborted: ({ requests }) => requests['aborted'] ?? 0,
  };
  return (['serverCpu', 'liveAfter', 'aborted'] as const).flatMap((figure) => {
    const measured = row[figure];
    if (measured === undefined) return [];
    const values = results.map(valueOf[figure]);
    const simulated: Span = [Math.min(...values), Math.max(...values)];
    return [{ figure, measured, simulated, factor: factorBetween(simulated, measured) }];
  });
}
