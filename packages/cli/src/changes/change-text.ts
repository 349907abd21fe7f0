import type { Style } from '../terminal/style.js';
import { count, inline } from '../text/inline.js';
import { entryJson, valueJson } from '../text/json.js';
import { kindOf, type Change, type ChangeSet, type LeftOut } from './change.js';
import { valueDiff } from './value-diff.js';

const SIGN = { create: '+', update: '~', delete: '-' } as const;

/** A change as a person reviews it: its key on one line, and below it the lines of the value that differ. */
export function changeLines(change: Change, style: Style): string[] {
  const kind = kindOf(change);
  const colour = { create: style.green, update: style.yellow, delete: style.red }[kind];
  const { before, after } = change;
  const since = before === undefined ? '' : style.dim(` (revision ${before.modRevision})`);
  const body = valueDiff(before?.value, after).map(({ sign, text }) => {
    // A line's spaces at its end may be the difference.
    const line = text === '' ? `    ${sign}`.trimEnd() : `    ${sign} ${text}`;
    return sign === '+' ? style.green(line) : sign === '-' ? style.red(line) : style.dim(line);
  });
  return [`${colour(style.bold(`${SIGN[kind]} ${inline(change.key)}`))}${since}`, ...body];
}

/** A change without its values. */
export function changeLine(change: Change): string {
  return `${SIGN[kindOf(change)]} ${inline(change.key)}`;
}

export function changeJson(change: Change): object {
  const { key, before, after } = change;
  return {
    type: kindOf(change),
    key,
    ...(before !== undefined && { before: entryJson(before) }),
    ...(after !== undefined && { after: valueJson(after) }),
  };
}

/** How many keys of each kind, such as `2 keys (1 created, 1 deleted)`. */
export function tally(changes: readonly Change[]): string {
  const of = (kind: keyof typeof SIGN) => changes.filter((change) => kindOf(change) === kind).length;
  const parts = [
    [of('create'), 'created'],
    [of('update'), 'updated'],
    [of('delete'), 'deleted'],
  ] as const;
  const named = parts
    .filter(([number]) => number > 0)
    .map(([number, verb]) => `${number.toLocaleString('en')} ${verb}`);
  return `${count(changes.length, 'key')} (${named.join(', ')})`;
}

/** The counts of {@link tally} for programs. */
export function tallyJson({ changes, unchanged, leftOut }: ChangeSet): Record<string, unknown> {
  const of = (kind: keyof typeof SIGN) => changes.filter((change) => kindOf(change) === kind).length;
  return { created: of('create'), updated: of('update'), deleted: of('delete'), unchanged, leftOut };
}

/** How many left-out keys a person is shown. */
const SHOWN = 20;

/** The keys that are left as they are, and why. */
export function leftOutText(leftOut: readonly LeftOut[]): string {
  const shown = leftOut.slice(0, SHOWN).map(({ key, reason }) => `\n  ${inline(key)}: ${inline(reason)}`);
  const more = leftOut.length > SHOWN ? `\n  … and ${leftOut.length - SHOWN} more` : '';
  return `Left out: ${count(leftOut.length, 'key')}:${shown.join('')}${more}`;
}
