import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commit } from './environment.js';
import type { Goal, Row, Side } from './row.js';

/** The end of the name of a side that runs the code of another checkout. */
const SUFFIX = '@other';

/** The variable that tells a side's process where the other checkout is. */
const OTHER_CHECKOUT_VARIABLE = 'HOLDFAST_BENCH_AGAINST';

/** Another built checkout of Holdfast, whose packages are measured as peers of this one's. */
export interface OtherCheckout {
  readonly folder: string;
  /** For readers: the commit that is checked out there. */
  readonly label: string;
}

/** @throws Error if no built checkout is there */
export function openOtherCheckout(path: string): OtherCheckout {
  const folder = resolve(path);
  for (const needed of [
    join('bench', 'node_modules', '@holdfast'),
    join('packages', 'core', 'dist', 'esm', 'index.js'),
  ])
    if (!existsSync(join(folder, needed)))
      throw new Error(`${folder} is no built checkout: ${needed} is not there; run npm run build there first`);
  const hash = commit(folder);
  return { folder, label: hash === 'unknown' ? folder : hash };
}

/** Which side of the row a process runs, and with whose code. */
export function sideOf(name: string): { readonly side: string; readonly isOther: boolean } {
  const isOther = name.endsWith(SUFFIX);
  return { side: isOther ? name.slice(0, -SUFFIX.length) : name, isOther };
}

/** How a process is started that runs one side. */
export interface SideStart {
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * How a side's process finds the packages of its checkout. Those of ours are started in the same way as those of the other
 * one: with hooks, whose thread and garbage change when V8 collects. Without them the same code had up to 20 MB more at its peak.
 *
 * @param script the compiled `child.js`
 * @param against the other checkout, if there is one
 */
export function sideStart(script: string, side: string, against: string | undefined): SideStart {
  if (against === undefined) return { execArgv: [], env: {} };
  const hooks = pathToFileURL(join(dirname(script), 'harness', 'other-checkout-register.js')).href;
  const folder = sideOf(side).isOther ? against : join(dirname(script), '..', '..');
  return { execArgv: ['--import', hooks], env: { [OTHER_CHECKOUT_VARIABLE]: folder } };
}

/** The row with each of Holdfast's sides twice: with the code of this checkout, and with that of the other one. */
export function withOther(row: Row, { label }: OtherCheckout): Row {
  const sides: Record<string, Side> = {};
  for (const [name, side] of Object.entries(row.sides)) {
    sides[name] = side;
    if (row.ours.includes(name)) sides[name + SUFFIX] = { ...side, label: `${side.label}, of ${label}` };
  }
  return { ...row, sides, goals: [...row.goals, ...row.ours.flatMap((side) => noWorse(row, side))] };
}

/** Less is better in all metrics; what is counted, such as keys, is not compared. */
function noWorse(row: Row, side: string): readonly Goal[] {
  return Object.entries(row.metrics)
    .filter(([, { unit }]) => unit !== 'count')
    .map(([metric, { label }]) => ({
      what: `${row.sides[side]?.label ?? side}: ${label}`,
      kind: 'no-worse',
      ours: { side, metric },
      peer: { side: side + SUFFIX, metric },
    }));
}
