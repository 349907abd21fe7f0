import { formatRatio, formatSummary } from './format.js';
import type { Verdict } from './verdict.js';

export const VERDICT_COLUMNS = ['goal', 'ours', 'peer', 'ratio', 'limit', ''] as const;

export function verdictCells({ what, unit, ours, peer, ratio, goal, met }: Verdict): readonly string[] {
  return [
    what,
    formatSummary(ours, unit),
    peer === undefined ? '' : `${formatSummary(peer.figure, unit)}, ${peer.label}`,
    ratio === undefined ? '' : formatRatio(ratio),
    goal,
    met ? 'met' : 'not met',
  ];
}

/** For a terminal. */
export function plainTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [columns, ...rows];
  const widths = columns.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(columns), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

export function markdownTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]): string => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(columns), `|${columns.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}
