import type { FaultRow, SpeedRow } from './side-by-side.js';

/** What `npm run migrations -- --side-by-side` has written. */
export interface SideBySideResults {
  readonly results: readonly ({ readonly version: string; readonly command: string } & (
    FaultRow | ({ readonly keys: number } & SpeedRow)
  ))[];
}

/** The rows of the page's table of faults, of one version. */
export function faultRows({ results }: SideBySideResults, version: string): readonly string[] {
  const rows = results.filter((row): row is typeof row & FaultRow => row.version === version && 'fault' in row);
  return [...new Set(rows.map(({ fault }) => fault))].map((fault) => {
    const cells = ['holdfast', 'make-mirror'].map((name) =>
      cellOf(rows.find((row) => row.fault === fault && row.contender === name)),
    );
    return `| ${fault} | ${cells.join(' | ')} |`;
  });
}

/** The rows of its table of figures. */
export function speedRows({ results }: SideBySideResults): readonly string[] {
  return results.flatMap((row) => {
    if (!('copyMs' in row)) return [];
    const { version, contender, keys, copyMs, burstMs, lagMs } = row;
    const copied = Math.round((keys / copyMs) * 1_000);
    return `| ${version} | ${contender} | ${copied} | ${burstMs} | ${lagMs.median} | ${lagMs.p99} |`;
  });
}

function cellOf(row: FaultRow | undefined): string {
  if (row === undefined) return '';
  const { missing, stale, surplus, overwritten, more, goesOn, ends } = row;
  const counts = {
    'keys missing': missing,
    'old values': stale,
    'keys left that were deleted': surplus,
    'keys of others overwritten': overwritten,
    ...more,
  };
  const losses = Object.entries(counts).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : []));
  const told = ends.includes('history-changed');
  if (told && !goesOn) return 'stops with `history-changed`, and leaves the target as it is';
  if (!goesOn) losses.unshift('follows no more, and does not tell');
  if (ends.length > 0) losses.push(`ended by itself ${ends.length} ${ends.length === 1 ? 'time' : 'times'}`);
  return losses.length === 0 ? 'nothing lost' : losses.join(', ');
}
