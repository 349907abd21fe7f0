import { diffLines } from 'diff';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { inline, inlineValue } from '../text/inline.js';

/** One line of a difference: taken away, added, or what stands around it. */
export interface DiffLine {
  readonly sign: '-' | '+' | ' ';
  readonly text: string;
}

/** How many equal lines are shown around a change. */
const CONTEXT = 3;

/** Below a last line, where of two values only one ends with a line break: nothing else may differ. */
const NO_LINE_BREAK: DiffLine = { sign: ' ', text: '\\ no line break at the end' };

/** Two values line by line, on lines without control characters. JSON is laid out first, so that only what differs stands out. */
export function valueDiff(before: Uint8Array | undefined, after: Uint8Array | undefined): DiffLine[] {
  const [one, other] = [textOf(before), textOf(after)];
  if (one === undefined || other === undefined) {
    return [
      ...(before === undefined ? [] : [{ sign: '-' as const, text: inlineValue(before) }]),
      ...(after === undefined ? [] : [{ sign: '+' as const, text: inlineValue(after) }]),
    ];
  }
  const [from, to] = layOut(one, other, before !== undefined && after !== undefined);
  const isMarked = from !== '' && to !== '' && from.endsWith('\n') !== to.endsWith('\n');
  const lines = diffLines(from, to).flatMap(({ value, added, removed }): DiffLine[] => {
    const sign: DiffLine['sign'] = added ? '+' : removed ? '-' : ' ';
    const changed = value.replace(/\n$/, '').split('\n');
    return [
      ...changed.map((text): DiffLine => ({ sign, text: inline(text) })),
      ...(isMarked && !value.endsWith('\n') ? [NO_LINE_BREAK] : []),
    ];
  });
  return withContext(lines);
}

function textOf(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? '' : decodeUtf8(value);
}

/** Each text with its JSON laid out, where that does not hide the difference. An empty one has no line. Both end alike, unless they differ in that. */
function layOut(one: string, other: string, areBoth: boolean): readonly [string, string] {
  const pretty = [prettyJson(one), prettyJson(other)] as const;
  // They differ in spaces, or in digits that JavaScript's numbers lose.
  const isHidden = areBoth && pretty[0] === pretty[1];
  const [from = one, to = other] = isHidden || (areBoth && pretty.includes(undefined)) ? [] : pretty;
  const doEndAlike = from.endsWith('\n') === to.endsWith('\n') || from === '' || to === '';
  return doEndAlike ? [ended(from), ended(to)] : [from, to];
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/** A JSON object or array with a line for each of its fields; nothing for other texts. */
export function prettyJson(text: string): string | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return undefined;
  }
}

function withContext(lines: readonly DiffLine[]): DiffLine[] {
  const isNear = (index: number) =>
    lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ sign }) => sign !== ' ');
  const shown: DiffLine[] = [];
  let skipped = 0;
  for (const [index, line] of lines.entries()) {
    if (isNear(index)) {
      if (skipped > 0) shown.push({ sign: ' ', text: '…' });
      skipped = 0;
      shown.push(line);
    } else skipped += 1;
  }
  return skipped > 0 && shown.length > 0 ? [...shown, { sign: ' ', text: '…' }] : shown;
}
