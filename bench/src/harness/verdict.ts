import type { RowResult } from './results.js';
import type { FigureName, Goal, Row, Unit } from './row.js';
import { summarize, type Summary } from './stats.js';

/** By how much the median may be above that of another checkout, as a ratio: two runs of the same code differ by as much. */
const NOISE = 1.05;

/** Whether a goal is met, for one row against one server. */
export interface Verdict {
  readonly row: string;
  readonly server: string;
  readonly what: string;
  readonly unit: Unit;
  readonly ours: Summary;
  readonly peer: { readonly label: string; readonly figure: Summary } | undefined;
  /** Our median divided by the peer's, with the smallest and the largest ratio of any round. */
  readonly ratio: Summary | undefined;
  /** For example `≤ 0.55 ×`. */
  readonly goal: string;
  readonly met: boolean;
}

export function verdictsOf(row: Row, result: RowResult): readonly Verdict[] {
  return row.goals.filter((goal) => isMeasured(row, goal, result)).map((goal) => verdictOf(row, result, goal));
}

/** Not every side has every metric, and a comparison with another checkout is made for all that there are. */
function isMeasured({ optional = [] }: Row, goal: Goal, { figures: all, at }: RowResult): boolean {
  const { kind, ours, since = '' } = goal;
  if (at < since) return false;
  if (kind === 'no-worse') return all[ours.side]?.[ours.metric] !== undefined;
  return kind === 'at-most' || !optional.includes(goal.peer.side) || all[goal.peer.side] !== undefined;
}

function verdictOf(row: Row, result: RowResult, goal: Goal): Verdict {
  const values = figures(result, goal.ours);
  const ours = summarize(values);
  const unit = row.metrics[goal.ours.metric]?.unit ?? 'count';
  const common = { row: row.name, server: result.server, what: goal.what, unit, ours };
  if (goal.kind === 'at-most') {
    return {
      ...common,
      peer: undefined,
      ratio: undefined,
      goal: `≤ ${goal.limit} ${unit === 'count' ? '' : unit}`.trim(),
      met: ours.median <= goal.limit,
    };
  }
  const peerValues = figures(result, goal.peer);
  const figure = summarize(peerValues);
  const peer = { label: peerLabel(row, goal.ours, goal.peer), figure };
  const ratios = summarize(values.map((value, round) => value / (peerValues[round] ?? NaN)));
  const ratio = { ...ratios, median: ours.median / figure.median };
  if (goal.kind === 'no-worse') {
    const met = ratio.median <= NOISE || ratio.min <= 1;
    return { ...common, peer, ratio, goal: `≤ ${NOISE} ×, or ≤ 1 in a round`, met };
  }
  return goal.kind === 'ratio'
    ? { ...common, peer, ratio, goal: `≤ ${goal.limit} ×`, met: ratio.median <= goal.limit }
    : {
        ...common,
        peer,
        ratio,
        goal: `≤ peer + ${goal.limit} ${unit}`,
        met: ours.median - figure.median <= goal.limit,
      };
}

/** A side is its own peer if two of its metrics are compared. */
function peerLabel(row: Row, ours: FigureName, peer: FigureName): string {
  return peer.side === ours.side
    ? `itself: ${row.metrics[peer.metric]?.label ?? peer.metric}`
    : (row.sides[peer.side]?.label ?? peer.side);
}

function figures({ figures: all, row }: RowResult, { side, metric }: FigureName): readonly number[] {
  const values = all[side]?.[metric];
  if (values === undefined || values.length === 0) throw new Error(`row ${row} measured no ${metric} of ${side}`);
  return values;
}
