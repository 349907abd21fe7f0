import Table from 'cli-table3';
import stringWidth from 'string-width';
import type { Style } from '../terminal/style.js';

const GAP = 2;
const NARROWEST = 6;
const NO_BORDERS = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((name) => [name, '']),
);

/**
 * Rows for a person: aligned, with a header, each on one line of the terminal. Where no person reads them (`width === undefined`), they are
 * tab-separated, whole and without a header.
 *
 * @param rows cells on one line each, as `inline` makes them
 * @returns lines, each with its end; nothing for no rows
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
  style: Style,
): string {
  if (rows.length === 0) return '';
  if (width === undefined) return rows.map((row) => `${row.join('\t')}\n`).join('');
  const formatted = new Table({
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
    head: header.map((name) => style.bold(name)),
    colWidths: widths([header, ...rows], width),
  });
  formatted.push(...rows.map((row) => [...row]));
  return formatted
    .toString()
    .split('\n')
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** The width of each column with its gap. Where not all fit, the widest one gives way first. */
function widths(rows: readonly (readonly string[])[], width: number): number[] {
  const wanted = (rows[0] ?? []).map((_, column) =>
    rows.reduce((most, row) => Math.max(most, stringWidth(row[column] ?? '')), 1),
  );
  // The last column needs no gap behind it.
  const available = width - GAP * (wanted.length - 1);
  for (;;) {
    const excess = wanted.reduce((sum, each) => sum + each, 0) - available;
    const widest = wanted.indexOf(Math.max(...wanted));
    const most = wanted[widest] ?? 0;
    if (excess <= 0 || most <= NARROWEST) break;
    const second = Math.max(NARROWEST, ...wanted.filter((_, column) => column !== widest && wanted[column] !== most));
    wanted[widest] = Math.max(second < most ? second : most - 1, most - excess, NARROWEST);
  }
  return wanted.map((each) => each + GAP);
}
